"""What pyproject.toml cannot say: the page's files lie beside the package in a checkout, and inside it in a wheel."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["kontext_ui", "kontext_ui.*"]), "kontext_ui.assets"],
    package_dir={"kontext_ui.assets": "assets"},
    package_data={"kontext_ui.assets": ["[!r]*/**/*"]},  # all but the README's pictures
)
