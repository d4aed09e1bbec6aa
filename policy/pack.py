"""From rules to CrossGuard: levels, exceptions, and what people read."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_policy.policy as sdk
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from policy.declared import Declared, from_engine
from policy.rule import Facts, Finding, ResourceRule, Rule, facts_of_this_stack

if TYPE_CHECKING:
    import grpc

NAME = "private-cloud"


class Pack:
    """The rules as CrossGuard has them, for the stack that it is told of."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._facts: Facts | None = None
        self._rules = rules
        self.policies = [self._policy(rule) for rule in rules]

    def hold_to(self, facts: Facts) -> None:
        """From now on hold the stack to what FACTS say."""
        self._facts = facts
        for rule, policy in zip(self._rules, self.policies, strict=True):
            policy.enforcement_level = EnforcementLevel(rule.level_for(facts))

    def _policy(self, rule: Rule) -> Policy:
        description = f"{rule.asks} {rule.reason}"

        def report(resources: Sequence[Declared], violated: ReportViolation) -> None:
            assert self._facts, "the engine tells of the stack before it asks"
            for finding, sentence in violations(rule, resources, self._facts):
                violated(sentence, finding.urn or None)

        def of_one(resource: ResourceValidationArgs, violated: ReportViolation) -> None:
            report([from_engine(resource)], violated)

        def of_all(stack: StackValidationArgs, violated: ReportViolation) -> None:
            report([from_engine(resource) for resource in stack.resources], violated)

        if isinstance(rule, ResourceRule):
            return ResourceValidationPolicy(rule.name, description, of_one)
        return StackValidationPolicy(rule.name, description, of_all)


def serve(rules: Sequence[Rule]) -> None:
    """Answers the engine for RULES until it goes away."""
    pack = Pack(rules)
    when_configured(lambda: pack.hold_to(facts_of_this_stack()))
    PolicyPack(NAME, pack.policies)


def violations(rule: Rule, resources: Sequence[Declared], facts: Facts) -> list[tuple[Finding, str]]:
    """Where RESOURCES break RULE without an exception that counts today, and what people read of it."""
    exceptions = {exception.excepted: exception for exception in facts.policy.exceptions}
    found = []
    for finding in rule.find(resources, facts):
        exception = exceptions.get((rule.name, finding.excepted_as))
        if exception and facts.today <= exception.until:
            continue
        ended = f" Its exception ended on {exception.until}: {exception.reason}." if exception else ""
        found.append((finding, f"{finding.resource}: {finding.sentence}.{ended} {rule.remedy}"))
    return found


def when_configured(callback: Callable[[], None]) -> None:
    """Has a pack that is served from now on call CALLBACK when it knows the stack: `pulumi.Config` works from there on.

    ConfigureStack of pulumi/analyzer.proto comes before anything else is asked of a pack. The SDK keeps only the
    stack's tags of it; its servicer is private, and takes no listener.
    """

    class Servicer(sdk._PolicyAnalyzerServicer):  # noqa: SLF001 - as the docstring says
        def ConfigureStack(  # noqa: N802 - the protocol's name
            self, request: analyzer_pb2.AnalyzerStackConfigureRequest, context: "grpc.ServicerContext"
        ) -> Any:
            pulumi.runtime.set_all_config(dict(request.config), list(request.config_secret_keys))
            pulumi.runtime.configure(
                pulumi.runtime.Settings(
                    project=request.project,
                    stack=request.stack,
                    dry_run=request.dry_run,
                    organization=request.organization,
                )
            )
            callback()
            return super().ConfigureStack(request, context)

    sdk._PolicyAnalyzerServicer = Servicer  # type: ignore[misc]  # noqa: SLF001
