"""The catalog's web page: lists assets, plays them, and shows what was made and how."""
