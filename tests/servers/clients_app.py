"""The echo and its kin, with a page whose script talks to them, and tells what it has heard."""

from __future__ import annotations

from typing import Any

from dualapp import request

from .websocket_app import app

__all__ = ["app"]

reports: list[Any] = []
PAGE = """<!doctype html>
<script>
  const base = location.href.replace(/^http/, "ws").replace("/page", "/async");
  const heard = { received: [] };

  function ended(path, protocols, talk = () => {}) {
    return new Promise((resolve) => {
      const ws = new WebSocket(base + path, protocols);
      ws.binaryType = "arraybuffer";
      ws.onopen = () => talk(ws);
      ws.onclose = (event) => resolve([event.code, event.reason, ws.protocol]);
      ws.onmessage = ({ data }) => {
        heard.received.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
        if (heard.received.length === 2) ws.close(4000, "bye");
      };
    });
  }

  async function walk() {
    heard.left = await ended("/echo", [], (ws) => {
      ws.send("téxt");
      ws.send(new Uint8Array([0, 1, 255]));
    });
    heard.closed = await ended("/close", ["a", "b"]);
    heard.refused = await ended("/refuse", []);
    const headers = { "Content-Type": "application/json" };
    await fetch("/report", { method: "POST", body: JSON.stringify(heard), headers });
  }
  walk();
</script>
"""


@app.get("/page")
def page() -> str:
    return PAGE


@app.post("/report")
def report() -> Any:
    reports.append(request.get_json())
    return ""


@app.get("/reports")
def told() -> Any:
    return reports
