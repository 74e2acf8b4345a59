"""A stream of bytes as MLLP frames: 0x0B, the message, 0x1C, and 0x0D (HL7 v2 Transport, MLLP release 1).

What does not belong here: sockets, and what a message says.
"""

from dataclasses import dataclass, field

START, END, RETURN = 0x0B, 0x1C, 0x0D
TOLD = 4096  # bytes of a message that is too long which are kept, so that its answer can name it


@dataclass(frozen=True)
class Frame:
    """One message as it came, or, where it was too long to be taken, its beginning."""

    message: bytes
    is_whole: bool = True


@dataclass
class Frames:
    """Frames taken from a stream, however it is cut. What stands between frames is passed over and never answered."""

    longest: int
    _message: bytearray = field(default_factory=bytearray)
    _is_too_long: bool = False
    is_open: bool = False

    def feed(self, data: bytes) -> list[Frame]:
        """Take what came next; return the frames that it completes. A frame that starts within another replaces it."""
        found: list[Frame] = []
        position = 0
        while position < len(data):
            position = self._inside(data, position, found) if self.is_open else self._outside(data, position)
        return found

    def _outside(self, data: bytes, position: int) -> int:
        start = data.find(START, position)
        if start < 0:
            return len(data)
        self._open()
        return start + 1

    def _inside(self, data: bytes, position: int, found: list[Frame]) -> int:
        end = data.find(END, position)
        end = len(data) if end < 0 else end
        again = data.rfind(START, position, end)
        if again >= 0:
            self._open()
            position = again + 1
        self._add(data[position:end])
        if end < len(data):
            found.append(Frame(bytes(self._message), not self._is_too_long))
            self._message.clear()
            self.is_open = False
        return end + 1

    def _open(self) -> None:
        self._message.clear()
        self.is_open, self._is_too_long = True, False

    def _add(self, data: bytes) -> None:
        if not self._is_too_long:
            self._message += data
        if len(self._message) > self.longest:
            self._is_too_long = True
            del self._message[min(TOLD, self.longest) :]


def framed(message: bytes) -> bytes:
    """Return a message in its frame."""
    return b"%c%s%c%c" % (START, message, END, RETURN)
