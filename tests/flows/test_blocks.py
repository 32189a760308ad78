"""The blocks: Prefect finds, registers, describes, saves and loads them."""

import inspect
import re
from importlib.metadata import entry_points
from types import ModuleType

import pytest
from prefect.blocks.core import Block
from prefect.plugins import load_prefect_collections
from prefect.testing.standard_test_suites import BlockStandardTestSuite

import maos_flows
from maos_flows.blocks import MaosAuditStore
from tests.audit.samples import opened

BLOCKS = [MaosAuditStore]


def blocks_of(module: ModuleType) -> list[type[Block]]:
    """Find the blocks of a module as Prefect's registration does."""
    members = (value for _, value in inspect.getmembers(module) if inspect.isclass(value))
    return [member for member in members if issubclass(member, Block) and member is not Block]


@pytest.mark.parametrize("block", BLOCKS)
class TestBlocks(BlockStandardTestSuite):
    """Prefect's own suite, less what asks for addresses: the package has no public home to point to."""

    test_has_a_documentation_url = None
    test_has_a_valid_image = None

    def test_the_ui_has_nothing_to_load_from_elsewhere(self, block):
        assert block._logo_url is None
        assert block._documentation_url is None


def test_prefect_loads_the_package_as_a_collection():
    (entry,) = entry_points(group="prefect.collections", name="maos_flows")

    assert blocks_of(entry.load()) == BLOCKS
    assert load_prefect_collections()["maos_flows"] is entry.load()


def test_blocks_are_found_on_the_package_too():
    assert blocks_of(maos_flows) == BLOCKS


@pytest.mark.usefixtures("prefect_address")
def test_a_store_saved_as_a_block_is_opened_by_its_example(store_url, store, capsys):
    opened(store, "d-0123456789ab")
    MaosAuditStore.register_type_and_schema()
    MaosAuditStore(url=store_url).save("store", overwrite=True)
    (example,) = re.findall(r"```python\n(.*?)```", MaosAuditStore.get_code_example(), re.DOTALL)
    exec(compile(example.replace("BLOCK_NAME", "store"), "example", "exec"), {})
    loaded = MaosAuditStore.load("store").open()

    assert capsys.readouterr().out == "None\n"
    assert loaded.opening("d-0123456789ab") == store.opening("d-0123456789ab")
    loaded.close()


def test_a_password_in_the_address_is_not_shown():
    block = MaosAuditStore(url="postgresql://ana:secret@host/maos")

    assert "secret" not in repr(block)
    assert "secret" not in str(block.model_dump())
