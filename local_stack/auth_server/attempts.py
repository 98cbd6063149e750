"""How often one email or one address may try within a window, in bounded memory. Pure: the caller brings the time."""

from collections import OrderedDict
from dataclasses import dataclass, field

KEYS_MAX = 10_000


@dataclass
class Attempts:
    """Counts attempts by key; a key's count starts anew when its window has passed."""

    limit: int
    window_seconds: float
    keys_max: int = KEYS_MAX
    _windows: OrderedDict[str, tuple[float, int]] = field(default_factory=OrderedDict, repr=False)

    def take(self, key: str, *, now: float) -> bool:
        """Count one attempt; False when the key has none left, and then nothing is counted."""
        began_at, count = self._windows.get(key, (now, 0))
        if now - began_at >= self.window_seconds:
            began_at, count = now, 0
            self._windows.pop(key, None)
        if count >= self.limit:
            return False
        self._windows[key] = (began_at, count + 1)
        # Insertion order is the order of the windows' starts, so the first is the one that ends first.
        if len(self._windows) > self.keys_max:
            self._windows.popitem(last=False)
        return True

    def give_back(self, key: str) -> None:
        """Uncount an attempt that turned out to be fine."""
        if key in self._windows:
            began_at, count = self._windows[key]
            self._windows[key] = (began_at, max(count - 1, 0))
