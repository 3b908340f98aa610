"""What `verify` holds a version against, each kind of check in a module of its own. Pure."""
