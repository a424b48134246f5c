from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["sequere", "sequere.*"]), "sequere.lua"],
    # Other languages find the scripts at the top of the repository, Python inside the package.
    package_dir={"sequere.lua": "lua"},
    package_data={
        "sequere": ["py.typed", "templates/sequere/*.html"],
        "sequere.lua": ["README.rst", "manifest.json", "v1/*.lua"],
    },
)
