"""Exit codes of `takt`, and which error ends with which.

Here so that the command line can name a code without importing what raises it.
"""

from __future__ import annotations

PUBLISHED = 0
FAILED = 1
USAGE = 2
HELD = 3
BUSY = 75

# Errors whose message is meant for people, by class name: importing the classes
# would import the whole pipeline. Anything else is unexpected.
_EXPECTED = {
    "SettingsError": USAGE,
    "FaultSettingError": USAGE,
    "ScaffoldError": USAGE,
    "AdoptError": USAGE,
    "Busy": BUSY,
    "LeaseLostError": FAILED,
    "ContractError": FAILED,
    "RegistersRefused": FAILED,
    "ProjectError": FAILED,
    "Undecided": FAILED,
    "SuiteError": FAILED,
    "LedgerError": FAILED,
    "StageOrderError": FAILED,
    "BuildRefused": FAILED,
    "PublishRefused": FAILED,
    "QueryError": FAILED,
    "UnknownProcess": USAGE,
    "NoScorecard": FAILED,
    "TextError": FAILED,
    "DecisionRefused": FAILED,
    "ChangeRefused": FAILED,
    "AlertError": FAILED,
}


def code_of(error: BaseException) -> int | None:
    """The exit code of an error that can be expected; None for any other."""
    if not type(error).__module__.startswith("orchestration."):
        return FAILED if isinstance(error, OSError) and error.errno else None
    return _EXPECTED.get(type(error).__name__)
