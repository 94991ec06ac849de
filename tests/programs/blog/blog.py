"""A blog: people register, log in, write, and comment. Its authors wrote it for Flask."""

from datetime import UTC, datetime

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect, FlaskForm
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import PasswordField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, ValidationError

from dualapp import DualApp as Flask


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)
csrf = CSRFProtect()
logins = LoginManager()
logins.login_view = "auth.login"
auth = Blueprint("auth", __name__, url_prefix="/auth")
blog = Blueprint("blog", __name__)


class User(UserMixin, db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]
    posts: Mapped[list["Post"]] = relationship(back_populates="author")


class Post(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    body: Mapped[str]
    written: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    author: Mapped[User] = relationship(back_populates="posts")
    comments: Mapped[list["Comment"]] = relationship(cascade="all, delete-orphan")


class Comment(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    post_id: Mapped[int] = mapped_column(ForeignKey("post.id"))


class RegisterForm(FlaskForm):
    name = StringField(validators=[InputRequired(), Length(2, 20)])
    password = PasswordField(validators=[InputRequired(), Length(min=8)])

    def validate_name(self, field):
        if db.session.scalar(select(User).filter_by(name=field.data)):
            raise ValidationError("This name is taken.")


class LoginForm(FlaskForm):
    name = StringField(validators=[InputRequired()])
    password = PasswordField(validators=[InputRequired()])


class PostForm(FlaskForm):
    title = StringField(validators=[InputRequired(), Length(max=80)])
    body = TextAreaField(validators=[InputRequired()])


class CommentForm(FlaskForm):
    text = StringField(validators=[InputRequired()])


@logins.user_loader
def load_user(id):
    return db.session.get(User, int(id))


@auth.route("/register", methods=["GET", "POST"])
def register():
    form = RegisterForm()
    if form.validate_on_submit():
        user = User(name=form.name.data, password=generate_password_hash(form.password.data, "pbkdf2:sha256:1000"))
        db.session.add(user)
        db.session.commit()
        flash(f"Welcome, {user.name}.")
        return redirect(url_for("auth.login"))
    return render_template("form.html", title="Register", form=form), 422 if form.errors else 200


@auth.route("/login", methods=["GET", "POST"])
def login():
    form = LoginForm()
    if form.validate_on_submit():
        user = db.session.scalar(select(User).filter_by(name=form.name.data))
        if user and check_password_hash(user.password, form.password.data):
            login_user(user)
            return redirect(request.args.get("next") or url_for("blog.index"))
        flash("Wrong name or password.")
    return render_template("form.html", title="Log in", form=form)


@auth.post("/logout")
@login_required
def logout():
    logout_user()
    return redirect(url_for("blog.index"))


@blog.get("/")
def index():
    page = db.paginate(select(Post).order_by(Post.id.desc()), per_page=2)
    session["visits"] = session.get("visits", 0) + 1
    return render_template("index.html", page=page)


@blog.get("/<int:id>")
def read(id):
    return render_template("post.html", post=db.get_or_404(Post, id), form=CommentForm())


@blog.route("/write", methods=["GET", "POST"])
@login_required
def write():
    form = PostForm()
    if form.validate_on_submit():
        post = Post(title=form.title.data, body=form.body.data, author=current_user)
        db.session.add(post)
        db.session.commit()
        return redirect(url_for("blog.read", id=post.id))
    return render_template("form.html", title="Write", form=form)


@blog.post("/<int:id>/comment")
def comment(id):
    post, form = db.get_or_404(Post, id), CommentForm()
    if form.validate_on_submit():
        post.comments.append(Comment(text=form.text.data))
        db.session.commit()
    return redirect(url_for("blog.read", id=id))


@blog.post("/<int:id>/delete")
@login_required
def delete(id):
    post = db.get_or_404(Post, id)
    if post.author != current_user:
        abort(403)
    db.session.delete(post)
    db.session.commit()
    flash(f"“{post.title}” is gone.")
    return redirect(url_for("blog.index"))


def create_app():
    app = Flask(__name__)
    app.config.from_mapping(SECRET_KEY="dev", SQLALCHEMY_DATABASE_URI="sqlite:///blog.sqlite")
    app.config.from_prefixed_env()
    for extension in (db, csrf, logins):
        extension.init_app(app)
    app.register_blueprint(auth)
    app.register_blueprint(blog)

    @app.template_filter()
    def shorten(text, length=20):
        return text if len(text) <= length else text[: length - 1] + "…"

    @app.errorhandler(404)
    def missing(error):
        return render_template("layout.html", title="Not here"), 404

    @app.cli.command()
    def clear():
        """Remove all posts."""
        db.drop_all()
        db.create_all()
        print("cleared")

    with app.app_context():
        db.create_all()
    return app


app = create_app()
