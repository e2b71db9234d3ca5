"""What no single file can know: whether policies, catalog and litellm_config.yaml fit together.

Each rule is a generator over the whole; adding one is a function and a line in RULES.
"""

from __future__ import annotations

from collections.abc import Mapping

from plugins.config import attempt_rules, litellm_rules, policy_rules
from plugins.config.problem import Problem
from plugins.config.whole import Rule, Whole

_ALL = frozenset({"models", "lifecycle", "streaming", "routing", "access"})


# Each rule with the policy files it reads.
RULES: Mapping[Rule, frozenset[str]] = {
    policy_rules.workloads_name_declared_models: frozenset({"routing"}),
    attempt_rules.hedges_can_happen: frozenset({"routing", "circuits"}),
    attempt_rules.commits_say_one_thing: frozenset({"routing"}),
    attempt_rules.deadlines_leave_room: frozenset({"routing"}),
    litellm_rules.aliases_agree_with_workloads: frozenset({"routing"}),
    litellm_rules.configured_targets_may_be_called: frozenset({"models", "lifecycle"}),
    litellm_rules.every_primary_has_a_fallback: frozenset(),
    litellm_rules.deployments_are_named: frozenset(),
    litellm_rules.litellm_is_set_as_needed: frozenset(),
    litellm_rules.nothing_is_almost_spelt_right: frozenset(),
    litellm_rules.keys_are_not_written_down: frozenset(),
    litellm_rules.fallbacks_are_declared_where_they_work: frozenset(),
    policy_rules.streaming_rules_match_something: frozenset({"streaming", "routing"}),
    policy_rules.clients_are_distinct_and_can_do_something: frozenset({"access", "routing"}),
    policy_rules.exceptions_hold: _ALL,
    policy_rules.replacements_lead_somewhere: frozenset({"models", "lifecycle"}),
    litellm_rules.configured_models_stay: frozenset({"models"}),
    policy_rules.catalog_is_fresh: frozenset({"models"}),
    policy_rules.circuits_differ_for_declared_targets: frozenset({"circuits"}),
    policy_rules.what_differs_for_a_target_fits_the_rest: frozenset({"circuits"}),
}


def crosscheck(whole: Whole, unreadable: frozenset[str] = frozenset()) -> list[Problem]:
    """What each rule finds, but for rules that read a file of which nothing can be said."""
    return [problem for rule, reads in RULES.items() if not unreadable & reads for problem in rule(whole)]
