"""A site's Athena download as Parquet: read, checked against OMOP's own columns, mounted under the home.

Here belongs turning a folder of CSV into `vocabulary/<digest>/` and saying what is mounted. What does not belong here:
what a code means in a record (dbt_project looks it up), and the starter, which is a seed of dbt's.

::

    VocabularyError            the download cannot be mounted; the message names file, line and column
"""

from orchestration.vocabulary.download import Download, VocabularyFile, find_download
from orchestration.vocabulary.errors import VocabularyError
from orchestration.vocabulary.load import load_vocabulary
from orchestration.vocabulary.mounted import Mounted, mounted_folder, mounted_vocabulary

__all__ = [
    "Download",
    "Mounted",
    "VocabularyError",
    "VocabularyFile",
    "find_download",
    "load_vocabulary",
    "mounted_folder",
    "mounted_vocabulary",
]
