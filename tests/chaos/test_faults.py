"""The table of faults, before a cluster is started for it."""
import faults


def test_each_fault_can_be_called_by_its_name():
    names = [fault.name for fault in faults.FAULTS]
    assert len(set(names)) == len(names)
    assert all(callable(fault.begin) and callable(fault.end) and fault.takes and fault.limit > 0 for fault in faults.FAULTS)
