"""From lowered files to modules, classes and functions with their scopes; resolves dotted module names to files."""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence

from session_lint import ir
from session_lint.program.symbols import Cell, Class, Function, Link, Module, Scope
from session_lint.traversal import binders, bound_names, subexpressions, walk

_TEST = re.compile(
    r"(^|/)((e2e|unit|integration|functional|acceptance)[-_])?(tests?|testing)/"
    r"|(^|/)(test_[^/]*|[^/]*_test|conftest)\.pyi?$"
)


def is_test_path(path: str) -> bool:
    """Whether a file holds tests, by its path."""
    return bool(_TEST.search(path))


def module_name(path: str) -> str:
    """Dotted name of a file from the project root: ``src/app/db/__init__.py`` is ``src.app.db``."""
    stem = path.rsplit(".", 1)[0] if path.endswith((".py", ".pyi")) else path
    parts = [part for part in stem.split("/") if part]
    if parts and parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


def build_module(path: str, tree: ir.Module) -> Module:
    """The module of a file with all its classes and functions; scopes know their names, nothing is evaluated."""
    module = Module(module_name(path), path, tree, posixpath.basename(path).startswith("__init__."))
    _collect(tree.body, module, module, "")
    return module


def _collect(body: Sequence[ir.Statement], scope: Scope, module: Module, prefix: str) -> None:
    rows = module.tree.binding_rows
    for statement in walk(body):
        _bind(statement, scope, module)
        if rows and _stands_on(statement, rows):
            for binder in binders(statement):
                if isinstance(binder, ir.Lambda):
                    _lambda(binder, scope, module, prefix)
                else:
                    _cell(scope, binder.target.id)
        if isinstance(statement, ir.FunctionDef):
            _function(statement, scope, module, prefix)
        elif isinstance(statement, ir.ClassDef):
            _class(statement, scope, module, prefix)


def _stands_on(statement: ir.Statement, rows: Sequence[int]) -> bool:
    """Whether one of some rows is a statement's, decorators of a definition included."""
    if isinstance(statement, (ir.FunctionDef, ir.ClassDef)):
        return True
    span = statement.span
    return bisect_left(rows, span.row) < bisect_right(rows, span.end_row)


def _cell(scope: Scope, name: str) -> None:
    cells = scope.attrs if isinstance(scope, Class) else scope.cells
    if isinstance(scope, Function) and name in scope.outer_names:
        return
    cells.setdefault(name, Cell())


def _bind(statement: ir.Statement, scope: Scope, module: Module) -> None:
    targets: Iterable[ir.Expr | None] = ()
    match statement:
        case ir.Assign():
            targets = statement.targets
        case ir.AnnAssign() | ir.AugAssign() | ir.For():
            targets = (statement.target,)
        case ir.With():
            targets = [item.target for item in statement.items]
        case ir.Try():
            for handler in statement.handlers:
                if handler.name:
                    _cell(scope, handler.name)
        case ir.Match():
            targets = [name for case in statement.cases for name in case.bindings]
        case ir.TypeAlias():
            _cell(scope, statement.name)
        case ir.FunctionDef() | ir.ClassDef():
            _cell(scope, statement.name)
        case ir.ScopeStatement():
            if isinstance(scope, Function):
                scope.outer_names = scope.outer_names.union(statement.names)
                parameters = {param.name for param in scope.params}
                for name in statement.names:
                    if name not in parameters:  # which Python itself refuses, though only when it compiles
                        scope.cells.pop(name, None)
                    if statement.kind == "global":
                        module.cells.setdefault(name, Cell())
        case ir.Import() | ir.ImportFrom():
            _bind_import(statement, scope, module)
        case _:
            pass
    for target in targets:
        if target is not None:
            for bound in bound_names(target):
                _cell(scope, bound.id)


def _bind_import(statement: ir.Import | ir.ImportFrom, scope: Scope, module: Module) -> None:
    holder = module if isinstance(scope, Class) else scope
    if isinstance(statement, ir.Import):
        for alias in statement.names:
            if alias.asname:
                holder.links.setdefault(alias.asname, []).append(Link(alias.name, None))
            else:
                top = alias.name.split(".")[0]
                link = Link(top, None)
                if link not in holder.links.setdefault(top, []):
                    holder.links[top].append(link)
        return
    base = absolute(module, statement.module, statement.level)
    for alias in statement.names:
        if alias.name == "*":
            module.stars.append(base)
        else:
            holder.links.setdefault(alias.asname or alias.name, []).append(Link(base, alias.name))


def absolute(module: Module, name: str, level: int) -> str:
    """The dotted name that an import statement of a module means; a relative one counts from the module's own name."""
    if level == 0:
        return name
    parts = module.name.split(".") if module.name else []
    if not module.is_package:
        parts = parts[:-1]
    parts = parts[: len(parts) - (level - 1)] if level > 1 else parts
    return "/" + ".".join([*parts, *([name] if name else [])])


def _function(node: ir.FunctionDef, scope: Scope, module: Module, prefix: str) -> None:
    qualname = f"{prefix}{node.name}"
    owner = scope if isinstance(scope, Class) else None
    function = Function(node.name, qualname, module, node, scope, owner)
    for decorator in node.decorators:
        name = decorator.id if isinstance(decorator, ir.Name) else ""
        attribute = decorator.name if isinstance(decorator, ir.Attribute) else ""
        function.is_static |= name == "staticmethod"
        function.is_classmethod |= name == "classmethod"
        function.is_property |= name in ("property", "cached_property", "hybrid_property") or attribute in (
            "getter",
            "cached_property",
        )
    if node.name in ("__new__", "__init_subclass__", "__class_getitem__") and owner is not None:
        function.is_classmethod = True
    if owner is not None and (node.name not in owner.methods or not _is_overload(node)):
        owner.methods[node.name] = function
    module.functions.append(function)
    for param in node.params:
        function.cells[param.name] = Cell()
    _collect(node.body, function, module, f"{qualname}.")


def _is_overload(node: ir.FunctionDef) -> bool:
    last = [
        d.name if isinstance(d, ir.Attribute) else d.id
        for d in node.decorators
        if isinstance(d, (ir.Attribute, ir.Name))
    ]
    return "overload" in last or "setter" in last


def _lambda(node: ir.Lambda, scope: Scope, module: Module, prefix: str) -> None:
    function = Function("<lambda>", f"{prefix}<lambda>", module, node, scope, None)
    module.functions.append(function)
    for param in node.params:
        function.cells[param.name] = Cell()
    for inner in subexpressions(node.body):
        if isinstance(inner, ir.Lambda):
            _lambda(inner, function, module, f"{function.qualname}.")


def _class(node: ir.ClassDef, scope: Scope, module: Module, prefix: str) -> None:
    qualname = f"{prefix}{node.name}"
    cls = Class(node.name, qualname, module, node, scope)
    module.classes.append(cls)
    _collect(node.body, cls, module, f"{qualname}.")


class ModuleIndex:
    """Finds the project's file for a dotted module name, as seen from an importing file.

    A directory without ``__init__.py`` may be a source root, and so may one with it that the imports in it count from; roots that
    contain the importer win, nearest first.
    """

    def __init__(self, modules: Sequence[Module]) -> None:
        self.by_name: dict[str, Module] = {}
        directories: dict[str, bool] = {}
        for module in modules:
            if module.name not in self.by_name or module.path.endswith(".py"):
                self.by_name[module.name] = module
            folder = posixpath.dirname(module.path)
            directories[folder] = directories.get(folder, False) or module.is_package
            while folder:
                folder = posixpath.dirname(folder)
                directories.setdefault(folder, False)
        self.packages = {d.replace("/", ".") for d in directories}
        roots = [d for d, is_package in directories.items() if not is_package]
        self._roots = sorted({d.replace("/", ".") for d in roots} | {""}, key=lambda d: (d.count("."), d))
        self._tops: dict[str, list[str]] = {}
        for name in [*self.by_name, *sorted(self.packages)]:
            for root in self._roots:
                if not root or name.startswith(root + "."):
                    rest = name[len(root) + 1 :] if root else name
                    top = rest.split(".")[0]
                    roots_of_top = self._tops.setdefault(top, [])
                    if root not in roots_of_top:
                        roots_of_top.append(root)
        self._found: dict[tuple[str, str], str | None] = {}
        inner = [d.replace("/", ".") for d, is_package in directories.items() if is_package]
        for top, root in self._packages_run_from(inner, modules):
            self._tops.setdefault(top, []).append(root)
            self._found.clear()

    def _packages_run_from(self, packages: Iterable[str], modules: Sequence[Module]) -> list[tuple[str, str]]:
        """Packages that are source roots too, with what is found in them: `app` of `backend/`, which a stray `__init__.py` made a package.

        What the program is started from is nowhere written. It shows where modules of `app` itself import `app.models` and the like,
        or where several packages of `backend` are imported so; where nothing else is called so, and where all that modules of
        `backend` ask of `app` is there; else it may be a library's name.
        """
        holders: dict[str, list[str]] = {}
        for package in packages:
            holder, _, top = package.rpartition(".")
            if holder in self.packages and holder not in self._roots:
                holders.setdefault(top, []).append(holder)
        shown: dict[tuple[str, str], bool] = {}
        lacking: set[tuple[str, str]] = set()
        for module in modules if holders else ():
            bound = [module.links, *(function.links for function in module.functions)]
            for name in {link.module for links in bound for found in links.values() for link in found}:
                top, _, rest = name.partition(".")
                for holder in holders.get(top, ()) if rest else ():
                    if not module.name.startswith(f"{holder}.") or self.resolve(name, module) is not None:
                        continue
                    full = f"{holder}.{name}"
                    if full not in self.by_name and full not in self.packages:
                        lacking.add((top, holder))
                    shown[top, holder] = shown.get((top, holder), False) or module.name.startswith(f"{holder}.{top}.")
        sure = {key: by_itself for key, by_itself in shown.items() if key not in lacking}
        together = Counter(holder for _, holder in sure)
        return [(top, holder) for (top, holder), by_itself in sure.items() if by_itself or together[holder] > 1]

    def resolve(self, name: str, importer: Module) -> str | None:
        """The project name (of a module or a bare package folder) that ``name`` means in ``importer``; None: not ours.

        A name with a leading ``/`` counts from the project root (a resolved relative import).
        """
        if name.startswith("/"):
            inner = name[1:]
            return inner if inner in self.by_name or inner in self.packages else None
        folder = importer.path.rsplit("/", 1)[0].replace("/", ".") if "/" in importer.path else ""
        key = (name, folder)
        if key not in self._found:
            self._found[key] = self._search(name, folder)
        return self._found[key]

    def _search(self, name: str, folder: str) -> str | None:
        candidates = self._tops.get(name.split(".", maxsplit=1)[0], ())
        around = [r for r in candidates if not r or folder == r or folder.startswith(r + ".")]
        others = [r for r in candidates if r not in around]
        for root in [*sorted(around, key=len, reverse=True), *others]:
            full = f"{root}.{name}" if root else name
            if (full in self.by_name or full in self.packages) and (full in self.by_name or root in around):
                return full
        return None
