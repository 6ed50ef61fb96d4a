"""Who locks several rows locks them in the order of their keys: two who do so in other orders wait for each other."""

import ast
from pathlib import Path

SRC = Path(__file__).parent.parent / "src" / "duban"
ONE_ROW = {"get", "first", "get_or_create", "update_or_create", "exists", "_one"}


def words_of(node: ast.AST) -> set[str]:
    """What a piece of code calls by name."""
    return {
        inner.attr if isinstance(inner, ast.Attribute) else inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute | ast.Name)
    }


def unordered(source: str) -> list[int]:
    """The lines of queries that lock several rows in no order, as far as their statement and their name tell."""
    tree = ast.parse(source)
    above = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and node.attr == "select_for_update"):
            continue
        statement: ast.AST = node
        while not isinstance(statement, ast.stmt):
            statement = above[statement]
        said = words_of(statement.iter if isinstance(statement, ast.For) else statement)
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            # What is asked of it later, in the same function.
            within, name = above[statement], statement.targets[0].id
            while not isinstance(within, ast.FunctionDef):
                within = above[within]
            for other in ast.walk(within):
                asked = getattr(other, "test", other if not hasattr(other, "body") else ast.Pass())
                if isinstance(other, ast.stmt) and name in words_of(asked):
                    said |= words_of(asked)
        if not said & {*ONE_ROW, "order_by"}:
            found.append(node.lineno)
    return found


def test_the_look_sees_what_it_should():
    assert unordered("list(A.objects.select_for_update().filter(pk__in=x))") == [1]
    assert unordered("list(A.objects.select_for_update().filter(pk__in=x).order_by('pk'))") == []
    assert unordered("A.objects.select_for_update().filter(pk=x).first()") == []
    assert unordered("(a.select_for_update() if lock else a).filter(pk=1).first()") == []
    assert unordered("for row in a.filter(x=1).select_for_update():\n    pass") == [1]
    assert unordered("len(a.order_by('pk').select_for_update())") == []
    assert unordered("def f():\n    x = a.select_for_update()\n    return x.filter(pk=1).first()") == []
    assert unordered("def f():\n    x = a.select_for_update()\n    return list(x)") == [2]


def test_rows_are_locked_in_order():
    assert {
        f"{path.relative_to(SRC)}:{line}" for path in SRC.rglob("*.py") for line in unordered(path.read_text("utf-8"))
    } == set()
