"""A headless Chromium that tests drive through its own pipe: no library, no port."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from shutil import which
from types import TracebackType
from typing import Any

CHROMIUM = which("chromium") or which("chromium-browser") or which("google-chrome")
AXE = os.environ.get("SYMDERIV_AXE", "")  # axe-core's script, which checks accessibility
_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-pipe",
]


class Browser:
    """One page of a browser; use as a context.

    ``run`` evaluates JavaScript and returns its value, a promise awaited; ``until`` waits.
    """

    def __init__(self, folder: Path, width: int = 1200, height: int = 900) -> None:
        assert CHROMIUM is not None
        theirs, self._out = os.pipe()
        self._in, answers = os.pipe()
        self._process = subprocess.Popen(
            [
                "/bin/bash",
                "-c",
                'exec "$0" "$@" 3<&"$IN" 4>&"$OUT"',
                CHROMIUM,
                *_OPTIONS,
                f"--user-data-dir={folder}",
                f"--window-size={width},{height}",
                "about:blank",
            ],
            pass_fds=(theirs, answers),
            env={**os.environ, "IN": str(theirs), "OUT": str(answers)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(answers)
        self._count, self._rest, self.said = 0, b"", []
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.resize(width, height)

    said: list[str]  # errors of scripts and of the policy of the page

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, at: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Return the answer of the browser to one command of its protocol."""
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": given}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._count:
                assert "error" not in found, found
                answer: dict[str, Any] = found["result"]
                return answer

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._in, 1 << 16)
            assert more, "the browser ended"
            self._rest += more
        one, self._rest = self._rest.split(b"\0", 1)
        found: dict[str, Any] = json.loads(one)
        if found.get("method") == "Runtime.exceptionThrown":
            self.said.append(str(found["params"]["exceptionDetails"]))
        if found.get("method") == "Log.entryAdded":
            entry = found["params"]["entry"]
            if entry["level"] == "error":
                self.said.append(entry["text"])
        return found

    def resize(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """Set the size of the page, and whether the reader likes dark pages."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        likes = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=likes)

    def open(self, address: str) -> None:
        """Go to a page."""
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """Return the value of an expression of JavaScript."""
        found = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, script: str, seconds: float = 60) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({script})"):
            assert time.monotonic() < end, f"{script} did not become true"
            time.sleep(0.02)

    def type(self, field: str, text: str) -> None:
        """Put the caret into a field, select what is there, and type."""
        self.run(f"document.getElementById({field!r}).select()")
        self.call("Input.insertText", text=text)

    def click(self, element: str) -> None:
        """Click an element by its identifier, where a finger would."""
        place = self.run(
            f"(() => {{ const e = document.getElementById({element!r});"
            " e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            at = {"x": place[0], "y": place[1], "button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", type=kind, **at)

    def picture(self) -> bytes:
        """Return the whole page as PNG."""
        import base64

        found = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(found["data"])
