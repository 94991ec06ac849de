"""Flask-Admin

An index and pages of one's own whose views are async, behind `is_accessible`; lists, forms, search, filters, actions,
inline editing, export and translation of an SQLAlchemy model's pages; a directory of files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask_admin import Admin, AdminIndexView, BaseView, expose
from flask_admin.actions import action
from flask_admin.contrib.fileadmin import FileAdmin
from flask_admin.contrib.sqla import ModelView
from flask_babel import Babel
from flask_sqlalchemy import SQLAlchemy

from dualapp import DualApp, flash, redirect, request, session, url_for

from ..conftest import Serve
from ..support.entry_driver import Answer, Client
from .databases import closing_databases


def offices(app: DualApp) -> None:
    app.secret_key = "secret"

    class Home(AdminIndexView):
        @expose("/")
        async def index(self):
            return self.render("admin/index.html", name="home")

        @expose("/login", methods=["POST"])
        async def login(self):
            session["name"] = (await request.form)["name"]
            await flash(f"Welcome {session['name']}")
            return redirect(url_for("office.desk", number=1))

    class Office(BaseView):
        def is_accessible(self):
            return session.get("name") == "ann"

        def inaccessible_callback(self, name, **kwargs):
            return redirect(url_for("admin.index", wanted=name))

        @expose("/")
        async def index(self):
            return "office"

        @expose("/desks/<int:number>", methods=["GET", "POST"])
        async def desk(self, number):
            if request.method == "POST":
                return {"number": number, **await request.get_json()}
            return self.render("admin/index.html")

    Babel(app)
    admin = Admin(app, name="The house", index_view=Home())
    admin.add_view(Office(name="Office", endpoint="office", category="Rooms"))


def test_own_pages_are_rendered_with_the_menu(serve: Serve) -> None:
    client = serve(offices)
    cookie = client.post("/admin/login", form={"name": "ann"}).cookie
    page = client.get("/admin/office/desks/1", [cookie]).text
    assert "Welcome ann" in page
    assert re.search(r'href="/admin/office/"[^>]*>\s*Office', page)
    assert "/admin/office/" not in client.get("/admin/").text  # The menu has only what is accessible.


def test_pages_that_are_not_accessible_call_back(serve: Serve) -> None:
    client = serve(offices)
    assert client.get("/admin/office/").header("location") == "/admin/?wanted=index"
    cookie = client.post("/admin/login", form={"name": "ann"}).cookie
    assert client.get("/admin/office/", [cookie]).text == "office"
    assert client.post("/admin/office/desks/7", [cookie], json={"a": "ü"}).json() == {"number": 7, "a": "ü"}


def test_its_static_files_are_served(serve: Serve) -> None:
    answer = serve(offices).get("/admin/static/admin/css/bootstrap4/admin.css")
    assert (answer.status, answer.header("content-type")) == (200, "text/css; charset=utf-8")


def people(app: DualApp) -> None:
    app.secret_key = "secret"
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db = SQLAlchemy(app)

    class Person(db.Model):
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column(db.String(40), nullable=False)
        age = db.Column(db.Integer)

        def __repr__(self):
            return self.name

    class Pet(db.Model):
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column(db.String(40))
        owner_id = db.Column(db.ForeignKey(Person.id))
        owner = db.relationship(Person, backref="pets")

    class People(ModelView):
        column_searchable_list = ("name",)
        column_filters = ("age",)
        column_editable_list = ("age",)
        column_default_sort = "name"
        named_filter_urls = can_view_details = can_export = True
        form_columns = ("name", "age")

        @action("birthday", "Birthday", "Sure?")
        def sync_birthday(self, ids):
            for person in Person.query.filter(Person.id.in_(ids)):
                person.age += 1
            db.session.commit()
            flash(f"{len(ids)} are older")

    with app.app_context():
        db.create_all()
        ann = Person(name="Ann", age=40)
        db.session.add_all([ann, Person(name="Bob", age=20), Pet(name="Rex", owner=ann)])
        db.session.commit()

    Babel(app, locale_selector=lambda: request.args.get("lang", "en"))
    admin = Admin(app)
    admin.add_view(People(Person, db, endpoint="people"))
    admin.add_view(ModelView(Pet, db, endpoint="pets"))


@pytest.fixture
def client(serve: Serve) -> Iterator[Client]:
    with closing_databases(serve(people)) as client:
        yield client


def cells(answer: Answer, column: str) -> list[str]:
    found = re.findall(rf'<td class="col-{column}">(.*?)</td>', answer.text, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", cell).strip() for cell in found]


def test_models_are_listed_searched_and_filtered(client: Client) -> None:
    assert cells(client.get("/admin/people/"), "name") == ["Ann", "Bob"]
    assert cells(client.get("/admin/people/?sort=0&desc=1"), "name") == ["Bob", "Ann"]
    assert cells(client.get("/admin/people/?search=an"), "name") == ["Ann"]
    assert cells(client.get("/admin/people/?flt0_age_smaller_than=30"), "name") == ["Bob"]
    assert cells(client.get("/admin/pets/"), "owner") == ["Ann"]
    assert "Ann" in client.get("/admin/people/details/?id=1").text


def test_models_are_made_changed_and_deleted(client: Client) -> None:
    assert client.post("/admin/people/new/", form={"name": "", "age": "1"}).status == 200  # The form again.
    made = client.post("/admin/people/new/", form={"name": "Žofie", "age": "7"})
    assert (made.status, made.header("location")) == (302, "/admin/people/")
    page = client.get("/admin/people/", [made.cookie])
    assert "Record was successfully created." in page.text
    assert cells(page, "name") == ["Ann", "Bob", "Žofie"]
    assert 'value="Žofie"' in client.get("/admin/people/edit/?id=3").text
    client.post("/admin/people/edit/?id=3", form={"name": "Zofie", "age": "8"})
    client.post("/admin/people/delete/", form={"id": "2"})
    assert cells(client.get("/admin/people/"), "name") == ["Ann", "Zofie"]


def test_cells_are_edited_in_place_and_actions_run_on_rows(client: Client) -> None:
    edited = client.post("/admin/people/ajax/update/", form={"list_form_pk": "2", "age": "21"})
    assert (edited.status, edited.text) == (200, "Record was successfully saved.")
    acted = client.post("/admin/people/action/", form=[("action", "birthday"), ("rowid", "1"), ("rowid", "2")])
    page = client.get("/admin/people/", [acted.cookie])
    assert "2 are older" in page.text
    assert cells(page, "age") == ["41", "22"]


def test_its_texts_are_in_the_language_of_the_client(client: Client) -> None:
    assert "Create" in client.get("/admin/people/").text
    assert "Vytvořit" in client.get("/admin/people/?lang=cs").text


def test_models_are_exported(client: Client) -> None:
    client.twin = None  # The file's name has the time in it.
    export = client.get("/admin/people/export/csv/")
    assert export.header("content-type") == "text/csv; charset=utf-8"
    assert export.text.splitlines() == ["Name,Age", "Ann,40", "Bob,20"]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "note.txt").write_text("a note")
    return tmp_path


def test_files_are_listed_read_written_and_deleted(serve: Serve, directory: Path) -> None:
    def build(app: DualApp) -> None:
        app.secret_key = "secret"
        Babel(app)
        Admin(app).add_view(FileAdmin(str(directory), name="Files", endpoint="files"))

    client = serve(build, twin=False)  # Flask's would find what ours has done already.
    listing = client.get("/admin/files/").text
    assert "note.txt" in listing
    assert "inner" in listing
    assert client.get("/admin/files/download/note.txt").text == "a note"
    body = b'--b\r\nContent-Disposition: form-data; name="upload"; filename="u.txt"\r\n\r\nnew\r\n--b--\r\n'
    client.post("/admin/files/upload/", [("Content-Type", "multipart/form-data; boundary=b")], body)
    assert (directory / "u.txt").read_text() == "new"
    client.post("/admin/files/delete/", form={"path": "note.txt"})
    client.post("/admin/files/mkdir/", form={"name": "made"})
    assert sorted(path.name for path in directory.iterdir()) == ["inner", "made", "u.txt"]
