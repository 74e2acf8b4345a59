"""The asset `<use_case>/release`: decision, approvals and digests are read again here, and a refusal raises."""

from typing import Literal

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    Config,
    Failure,
    MaterializeResult,
    MetadataValue,
    asset,
)

from orchestration.defs.links import shown_of
from orchestration.defs.names import REASONS, release_key
from orchestration.defs.partitions import SITES
from orchestration.settings import load_settings
from orchestration.steps.releases.release import promote_release


class Promotion(Config):
    """To which stage the release is to go."""

    to: Literal["shadow", "assistive", "decision_support"] = "shadow"


def release_asset(use_case: str) -> AssetsDefinition:
    """Return the asset that promotes `use_case` at one site, or fails with every reason."""

    @asset(
        key=release_key(use_case),
        deps=[AssetKey([use_case, "decision"])],
        partitions_def=SITES,
        group_name="releases",
        kinds={use_case},
        description=f"The signed release of {use_case}, if gate and approvals allow it. Started by people only.",
    )
    def release(context: AssetExecutionContext, config: Promotion) -> MaterializeResult:
        settings = load_settings()
        answer = promote_release(settings, use_case, context.partition_key, config.to)
        if answer.exit_code:
            raise Failure("The release is refused.", metadata={REASONS: MetadataValue.json(answer.document)})
        return MaterializeResult(metadata=shown_of(settings, answer.document))

    return release
