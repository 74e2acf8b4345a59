"""The asset `<use_case>/candidate`, partitioned by site. A new use case is data: it appears here by its YAML."""

from dagster import AssetExecutionContext, AssetKey, AssetsDefinition, MaterializeResult, MetadataValue, asset

from orchestration.defs.partitions import SITES
from orchestration.defs.tables.snapshot import SNAPSHOT
from orchestration.settings import load_settings
from orchestration.steps.kinds import kind_of


def candidate_asset(use_case: str) -> AssetsDefinition:
    """Return the asset that trains and tracks a candidate of `use_case` for one site."""

    @asset(
        key=AssetKey([use_case, "candidate"]),
        deps=[SNAPSHOT],
        partitions_def=SITES,
        group_name="candidates",
        kinds={use_case, *kind_of(use_case).tools},
        description=f"A model of {use_case}, trained on one site's past, with figures on what came after.",
    )
    def candidate(context: AssetExecutionContext) -> MaterializeResult:
        record = kind_of(use_case).train(load_settings(), use_case, context.partition_key)
        return MaterializeResult(
            metadata={
                "model": MetadataValue.text(record.model),
                "mlflow_run": MetadataValue.text(record.run_id),
                "n_train": MetadataValue.int(record.n_train),
                "n_test": MetadataValue.int(record.n_test),
                "train_until": MetadataValue.text(record.train_until),
                "data": MetadataValue.text(record.data),
            }
        )

    return candidate
