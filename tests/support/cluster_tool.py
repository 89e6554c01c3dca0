"""tools/cluster as a module, for who runs a whole cluster of its own: `from cluster_tool import tool`."""
import importlib.machinery
import importlib.util
import pathlib
import sys


def load():
    path = pathlib.Path(__file__).resolve().parents[2] / "tools" / "cluster"
    loader = importlib.machinery.SourceFileLoader("the_cluster", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("the_cluster", loader))
    sys.modules["the_cluster"] = module
    loader.exec_module(module)
    return module


tool = load()
