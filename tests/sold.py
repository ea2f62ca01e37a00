"""What the tests' projects sell by: the reviewed catalog, and the local models as rates."""

from pathlib import Path

from creditbase.catalog.models import CatalogFile, read_catalog
from creditbase.catalog.rates_models import read_rates
from creditbase.catalog.rates_use_cases import push_rates
from creditbase.catalog.use_cases import push_catalog

ROOT = Path(__file__).parents[1]
CATALOG = read_catalog(ROOT / "catalog.json")
LOCAL_RATES = read_rates(ROOT / "dev" / "local_rates.json")


def sell(project_id: str, file: CatalogFile = CATALOG) -> None:
    """Let a project sell by the file, and price the emulators' models."""
    push_catalog(project_id, file)
    push_rates(project_id, LOCAL_RATES, is_signed=True)
