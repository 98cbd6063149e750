"""Statements are split as the Supabase CLI splits them; what it wrote for these texts was seen with its version 3.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.statements import split_statements


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        (" ;; \n;", []),
        ("select 1;\n-- final comment\n", ["select 1", "-- final comment"]),
        ("-- one; two\nselect 1;", ["-- one; two\nselect 1"]),
        ("select 1; -- trailing\nselect 2", ["select 1", "-- trailing\nselect 2"]),
        ("/* a ; /* b ; */ ; */ select 1;", ["/* a ; /* b ; */ ; */ select 1"]),
        (
            "select ';', E'a\\';b', \"t;1\"; select 'it''s;'",
            ["select ';', E'a\\';b', \"t;1\"", "select 'it''s;'"],
        ),
        ("do $$ begin; end $$; select $x$ $$ ; $x$", ["do $$ begin; end $$", "select $x$ $$ ; $x$"]),
        ("select $1; select 2", ["select $1", "select 2"]),
        (
            "create function f() begin atomic select case when true then 1 end; select 2; end; select 3;",
            ["create function f() begin atomic select case when true then 1 end; select 2; end", "select 3"],
        ),
    ],
)
def test_a_semicolon_ends_only_statements(text: str, statements: list[str]) -> None:
    assert list(split_statements(text)) == statements


@given(st.text(alphabet="a;'\"$-/* \n", max_size=40))
def test_no_text_makes_splitting_fail(text: str) -> None:
    for statement in split_statements(text):
        assert statement
        assert statement in text
