"""A converter of one's own: dates in paths, in both directions."""

from datetime import date, timedelta

from werkzeug.routing import BaseConverter, ValidationError

from dualapp import DualApp, url_for


class DateConverter(BaseConverter):
    """Match ``2026-02-28``; a day that does not exist does not match."""

    regex = r"\d{4}-\d{2}-\d{2}"

    def to_python(self, value: str) -> date:
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValidationError from None

    def to_url(self, value: date) -> str:
        return value.isoformat()


app = DualApp(__name__)
# Before the first route that uses it.
app.url_map.converters["date"] = DateConverter


@app.get("/day/<date:day>")
def weekday(day: date) -> dict[str, str]:
    return {"weekday": f"{day:%A}", "next": url_for("weekday", day=day + timedelta(days=1))}


@app.get("/later/day/<date:day>")
async def weekday_later(day: date) -> dict[str, str]:
    return {"weekday": f"{day:%A}", "next": url_for("weekday_later", day=day + timedelta(days=1))}


if __name__ == "__main__":
    app.run()
