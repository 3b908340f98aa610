"""Folders by their path: found, or made where they are missing."""

from cutroom.client.service import FileServiceClient
from cutroom.errors import Conflict
from cutroom.files.names import ROOT, checked_name, name_key


class Folders:
    """The folders of one login, each looked up once."""

    def __init__(self, service: FileServiceClient) -> None:
        self._service = service
        self._known: dict[tuple[str, ...], str] = {(): ROOT}

    def ensure(self, parts: tuple[str, ...]) -> str:
        """The id of the folder at this path below the top; missing ones are made.

        Raises:
            RequestInvalid: A part is not possible as a name.
            Conflict: A part is the name of a file.
        """
        keys = tuple(name_key(checked_name(part)) for part in parts)
        if keys not in self._known:
            parent = self.ensure(parts[:-1])
            self._known[keys] = self._child(parent, parts[-1])
        return self._known[keys]

    def _child(self, parent: str, name: str) -> str:
        try:
            return str(self._service.create_folder(name, parent)["folder_id"])
        except Conflict:
            after = ""
            while True:
                page = self._service.folder(parent, after=after)
                for one in page["folders"]:
                    if name_key(one["name"]) == name_key(checked_name(name)):
                        return str(one["folder_id"])
                after = page["next_after"]
                if after is None:
                    raise
