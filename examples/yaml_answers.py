"""Answers in YAML, or in any other format: a helper returns the text, the status and the headers."""

from typing import Any

import yaml

from dualapp import DualApp, request

app = DualApp(__name__)

Answer = tuple[str, int, dict[str, str]]


def yaml_answer(value: Any, status: int = 200) -> Answer:
    return yaml.safe_dump(value), status, {"Content-Type": "application/x-yaml"}


@app.get("/planets")
def planets() -> Answer:
    return yaml_answer(["Mercury", "Venus", "Earth"])


@app.post("/planets")
async def add_planet() -> Answer:
    planet = await request.get_json()
    return yaml_answer({"added": planet["name"]}, 201)


if __name__ == "__main__":
    app.run()
