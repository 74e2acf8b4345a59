"""The asset `<use_case>/candidate`, partitioned by site. A new use case is data: it appears here by its YAML."""

from dagster import AssetExecutionContext, AssetKey, AssetsDefinition, MaterializeResult, MetadataValue, asset

from orchestration.defs.links import MLFLOW_RUN, back_to_dagster, mlflow_page
from orchestration.defs.partitions import SITES
from orchestration.defs.tables.snapshot import SNAPSHOT
from orchestration.settings import load_settings
from orchestration.steps.kinds import kind_of
from orchestration.steps.learning.candidate import tag_run


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
        settings, site = load_settings(), context.partition_key
        record = kind_of(use_case).train(settings, use_case, site)
        tag_run(settings, record.run_id, back_to_dagster(use_case, site, context.run_id))
        return MaterializeResult(
            metadata={
                "model": MetadataValue.text(record.model),
                MLFLOW_RUN: MetadataValue.url(mlflow_page(settings, record.run_id)),
                "n_train": MetadataValue.int(record.n_train),
                "n_test": MetadataValue.int(record.n_test),
                "train_until": MetadataValue.text(record.train_until),
                "data": MetadataValue.text(record.data),
                **({"adapted_from": MetadataValue.json(record.adapted_from)} if record.adapted_from else {}),
            }
        )

    return candidate
