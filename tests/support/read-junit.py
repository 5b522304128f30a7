# Reads a JUnit report as CI servers do: prints each case with what became of it, and the sums.
import sys

from junitparser import Error, Failure, JUnitXml, Skipped

report = JUnitXml.fromfile(sys.argv[1])
tests = 0
for suite in report:
    cases = list(suite)
    assert suite.tests == len(cases), suite.name
    for case in cases:
        assert case.time is not None and case.classname == suite.name
        words = [
            name
            for kind, name in ((Failure, "failure"), (Error, "error"), (Skipped, "skipped"))
            if any(isinstance(result, kind) for result in case.result)
        ]
        flaky = case._elem.find("flakyFailure") is not None
        print(suite.name, case.name, *(words or ["flaky" if flaky else "passed"]))
    tests += suite.tests
assert report.tests == tests
print(f"{report.tests} tests, {report.failures} failures, {report.errors} errors")
