"""A task whose definition no supervisor keeps."""

import os

from baton import task


@task(name=os.environ["TEST_TYPE"], args_schema={"description": "x" * 100_000})
def described() -> None: ...
