"""An admin page over a database. Its authors wrote it for Flask, with Flask-Admin and Flask-SQLAlchemy."""

from flask import request, session
from flask_admin import Admin, BaseView, expose
from flask_admin.contrib.sqla import ModelView
from flask_babel import Babel
from flask_sqlalchemy import SQLAlchemy
from markupsafe import Markup

from dualapp import DualApp as Flask

app = Flask(__name__)
app.config.from_mapping(SECRET_KEY="dev", SQLALCHEMY_DATABASE_URI="sqlite:///admin.sqlite")
app.config.from_prefixed_env()
db = SQLAlchemy(app)
Babel(app)


class Planet(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(30), nullable=False)
    moons = db.Column(db.Integer, default=0)

    def __str__(self):
        return self.name


class StaffOnly:
    def is_accessible(self):
        return session.get("staff", False)

    def inaccessible_callback(self, name, **kwargs):
        return "Staff only", 403


class PlanetView(StaffOnly, ModelView):
    column_searchable_list = ["name"]
    column_editable_list = ["moons"]
    column_filters = ["moons"]
    can_export = True
    page_size = 3
    column_formatters = {"name": lambda view, context, model, name: Markup("<em>{}</em>").format(model.name)}


class ReportView(StaffOnly, BaseView):
    @expose("/")
    def index(self):
        return f"{Planet.query.count()} planets, {request.args.get('unit', 'none')}"


admin = Admin(app, name="Observatory")
admin.add_view(PlanetView(Planet, db))
admin.add_view(ReportView(name="Report", endpoint="report"))


@app.post("/enter")
def enter():
    session["staff"] = request.form["password"] == "apricot"
    return {"staff": session["staff"]}


with app.app_context():
    db.create_all()
    if not Planet.query.count():
        db.session.add_all(Planet(name=name, moons=moons) for name, moons in [("Mars", 2), ("Earth", 1), ("Venus", 0)])
        db.session.commit()
