"""A server of the Model Context Protocol over HTTP, whose lifespan starts the manager of its sessions."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer

server = MCPServer("tools")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


app = server.streamable_http_app(streamable_http_path="/")
