"""What the apps hold and show. It imports nothing, so that it adds nothing to the memory of a worker."""

ROWS = [{"name": "Ada", "city": "London"}, {"name": "Grace & co", "city": "New York"}]

AREAS = ["accounts", "billing", "catalog", "content", "events", "fleet", "health", "hiring", "identity", "inventory"]
AREAS += ["legal", "logistics", "media", "orders", "payroll", "search", "shipping", "support", "training", "travel"]
NOUNS = ["addresses", "comments", "documents", "files", "groups", "items", "notes", "people", "reports", "tags"]
#: Each of them has five routes.
RESOURCES = [f"/api/{area}/{noun}" for area in AREAS for noun in NOUNS]

#: Additions that take about a millisecond.
MILLISECOND = 50_000
