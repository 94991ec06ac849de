"""Sessions and flashed messages."""

from __future__ import annotations

from dualapp import DualApp, flash, get_flashed_messages, session

from .registry import part


@part("/session/{session+}", "/session/{session+}", "/session/get")
def sessions(app: DualApp) -> None:
    async def do(what):
        if what == "set":
            session["a"] = "ü"
        if what == "count":
            session["count"] = session.get("count", 0) + 1
        if what == "pop":
            session.pop("a", None)
        if what == "clear":
            session.clear()
        if what == "nested":
            session.setdefault("list", []).append(1)
        if what == "modified":
            session.modified = True
        if what == "permanent":
            session.permanent = True
        if what == "temporary":
            session.permanent = False
        if what == "flash":
            await flash("flashed", "kind")
        if what == "flashed":
            return get_flashed_messages(with_categories=True)
        if what == "types":
            session.update(t=(1, 2), b=b"\xff")
        if what == "bad":
            session["bad"] = object()
        return None

    @app.route("/session/<steps>", methods=["GET", "POST"])
    async def step(steps):
        seen = [await do(what) for what in steps.split(",")]
        return {"seen": seen, "keys": sorted(session), "new": session.new, "permanent": session.permanent}
