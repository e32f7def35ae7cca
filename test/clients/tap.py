"""Runs a module's unittest tests, in their order, and writes TAP."""
import sys
import traceback
import unittest


class _TapResult(unittest.TestResult):
    def _line(self, ok, test, error=None):
        print(f"{'ok' if ok else 'not ok'} {self.testsRun} - {test.shortDescription()}", flush=True)
        if error:
            for line in "".join(traceback.format_exception(*error)).splitlines():
                print(f"# {line}", flush=True)

    def addSuccess(self, test):
        self._line(True, test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._line(False, test, error)

    addError = addFailure


def _as_they_stand(module):
    """unittest's own loader would sort them by name"""
    return unittest.TestSuite(
        unittest.TestSuite(case(name) for name in vars(case) if name.startswith("test"))
        for case in vars(module).values() if isinstance(case, type) and issubclass(case, unittest.TestCase))


def main():
    result = _TapResult()
    _as_they_stand(sys.modules["__main__"]).run(result)
    print(f"1..{result.testsRun}")
    sys.exit(0 if result.wasSuccessful() else 1)
