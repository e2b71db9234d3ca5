"""The fault matrix: what can go wrong, what is promised, and which tests hold it. README.md is made from it."""

from __future__ import annotations

from dataclasses import dataclass

HERE = "tests/end_to_end/faults/"
BEFORE = HERE + "test_before_the_first_token.py::test_a_failure_before_the_first_token_leaves_no_trace_in_the_stream"
LATER = HERE + "test_after_the_first_token.py::test_an_answer_that_breaks_later_is_visibly_broken"
ENDLESS = HERE + "test_after_the_first_token.py::test_an_answer_without_end_is_ended_in_time"
FRAMED = HERE + "test_framing.py::test_an_answer_with_a_finish_reason_is_whole_however_it_was_framed"
HALVES = HERE + "test_framing.py::test_characters_that_come_in_halves_are_put_together"
HUGE = HERE + "test_framing.py::test_an_event_of_two_megabytes_is_an_event"
LEFT_ALONE = HERE + "test_left_alone.py::test_a_429_is_no_failure_and_is_left_alone_for_what_it_says"
ALERT = HERE + "test_left_alone.py::test_a_mistake_of_ours_raises_one_alert_and_no_client_sees_it"
ALL_FULL = HERE + "test_left_alone.py::test_when_every_target_is_at_its_limit_the_client_hears_when_to_come_back"
CLIENTS = (
    HERE + "test_clients.py::test_a_mistake_of_the_clients_is_told_in_the_providers_words_asked_once_and_not_counted"
)
LEAVES = HERE + "test_clients.py::test_a_client_that_leaves_stops_the_provider_within_a_tenth_of_a_second"
SLOW_READER = HERE + "test_clients.py::test_a_client_that_does_not_read_slows_its_provider_and_nobody_else"
FILES = HERE + "test_process.py::test_who_is_in_is_served_while_there_is_no_file_left_for_others"
ENDS = HERE + "test_process.py::test_told_to_end_it_finishes_what_it_can_and_says_of_the_rest_that_it_broke"
KILLED = HERE + "test_process.py::test_killed_it_cuts_its_answers_visibly_and_stops_their_providers"
CIRCUITS = "tests/end_to_end/test_circuits.py::"
CHAOS = "tests/loadtests/test_chaos_end_to_end.py::test_nobody_is_lost_or_lied_to_while_the_primary_is_down"
FLEET = "tests/end_to_end/test_fleet.py::"
ADMISSION = "tests/end_to_end/test_admission.py::"
OUT_OF_REACH = "tests/contract/test_out_of_reach.py::"
MACHINE = "tests/circuit/test_machine.py::"
GUARD = "tests/front/test_guard.py::"
ANSWER = "tests/upstream/test_answer.py::"


@dataclass(frozen=True, slots=True)
class Row:
    fault: str
    promise: str
    held_by: tuple[str, ...]  # path::test


# Rows 1 to 40, in order.
MATRIX = (
    Row("connection refused, not taken or reset", "the fallback answers; a failure", (BEFORE,)),
    Row("the name has no address", "the fallback answers; a failure, `dns` in the log", (BEFORE,)),
    Row(
        "a certificate that nobody vouches for",
        "the fallback answers; an alert, and a minute without calls",
        (BEFORE, "tests/upstream/test_channel.py::test_a_host_that_nobody_vouches_for_is_not_spoken_to"),
    ),
    Row("no headers", "the fallback answers at the first-token deadline; a failure", (BEFORE,)),
    Row("200, and no first token", "the same, counted against the target that was silent", (BEFORE,)),
    Row("roles and comments only", "the same; nothing of it is passed on", (BEFORE,)),
    Row(
        "a late first token within the deadline",
        "the answer goes on; slow, and enough of them open the circuit",
        (CIRCUITS + "test_a_target_whose_first_tokens_are_late_is_left_alone", MACHINE + "test_every_transition"),
    ),
    Row("an error event before the first token", "the fallback answers; judged by the status it means", (BEFORE,)),
    Row("429 with Retry-After", "the fallback answers; left alone for what it says", (BEFORE, LEFT_ALONE)),
    Row("429 with any other header, or none", "the same, within bounds", (LEFT_ALONE,)),
    Row("429 from every target", "429 with the nearest Retry-After, no calls meanwhile", (ALL_FULL,)),
    Row("one 408, 500, 502, 503 or 504", "the fallback answers; one failure", (BEFORE,)),
    Row(
        "five failures in a row",
        "no call any more, and no request lost",
        (
            CIRCUITS + "test_a_dead_provider_is_not_called_any_more",
            CIRCUITS + "test_of_a_burst_on_a_dead_provider_no_request_is_lost",
            FLEET + "test_what_one_gateway_trips_the_other_does_not_call",
        ),
    ),
    Row(
        "the target is back",
        "one live request at a time tries it; two close the circuit",
        (
            CIRCUITS + "test_one_request_at_a_time_tries_whether_it_is_back",
            FLEET + "test_one_probe_tries_for_both_and_both_are_back_with_it",
        ),
    ),
    Row(
        "the target flaps",
        "the probe's client is served by the fallback; twice the time",
        (CIRCUITS + "test_a_probe_that_fails_costs_its_client_no_answer_and_doubles_the_time",),
    ),
    Row(
        "401, 402 or 403 from a provider", "the fallback answers; an alert, and a minute without calls", (BEFORE, ALERT)
    ),
    Row("404 from a provider", "the same", (BEFORE, ALERT)),
    Row("400, 413 or 422", "told in the provider's words; no fallback, not counted", (CLIENTS,)),
    Row("silence after k tokens", "k tokens and an error chunk at the stall deadline", (LATER,)),
    Row("a reset after k tokens", "a gap-free beginning and an error chunk", (LATER,)),
    Row("a truncated chunked body", "k tokens and an error chunk", (LATER,)),
    Row(
        "a clean end without a finish reason", "k tokens and an error chunk; never an invented `stop`", (LATER, BEFORE)
    ),
    Row("broken JSON; odd but legal framing", "an error chunk; whole, to the letter", (LATER, FRAMED, HALVES, HUGE)),
    Row("no [DONE]; something behind it", "whole, with one [DONE]", (FRAMED,)),
    Row("a client that leaves before the first byte", "the provider stopped within 0.1 s; not counted", (LEAVES,)),
    Row("a client that leaves in the middle", "the same", (LEAVES,)),
    Row(
        "a client that does not read",
        "its provider waits, nobody else does, and it is given up after 30 s",
        (SLOW_READER, ANSWER + "test_a_client_that_never_reads_again_is_given_up"),
    ),
    Row(
        "an answer without end",
        "ended in time with an error chunk; bounded in memory where it is collected",
        (ENDLESS, "tests/stream/test_decode.py::test_an_event_that_never_ends_is_a_protocol_error"),
    ),
    Row(
        "a large, deep or endless body",
        "413 or 400 before it is read whole",
        (
            GUARD + "test_a_length_is_believed_before_the_body_is_read",
            GUARD + "test_an_endless_body_is_left_at_the_bound_and_not_kept",
            GUARD + "test_what_is_not_one_json_object_is_refused",
        ),
    ),
    Row(
        "a body that drips",
        "408 after 10 s; headers that drip are the ingress' business",
        (GUARD + "test_a_body_that_does_not_come_is_given_up",),
    ),
    Row(
        "Redis gone, hanging, slow, emptied or back",
        "no request waits or fails; one event says lost, one back",
        (
            FLEET + "test_a_store_that_is_killed_and_comes_back_is_noticed_by_no_request",
            OUT_OF_REACH + "test_a_store_that_hangs_is_lost_and_one_that_goes_on_is_back",
            OUT_OF_REACH + "test_a_store_that_answers_too_slowly_is_lost",
            OUT_OF_REACH + "test_a_store_that_was_flushed_is_no_loss",
            OUT_OF_REACH + "test_a_server_that_sentinels_replace_is_followed",
            CHAOS,
        ),
    ),
    Row(
        "the wall clock jumps",
        "nothing changes: what is waited for is measured on a monotonic clock",
        (
            "tests/test_house.py::test_only_the_clock_knows_the_time_of_day",
            "tests/test_house.py::test_a_pure_module_knows_neither_clock_nor_chance_nor_world",
        ),
    ),
    Row(
        "our own process is late",
        "lateness is not blamed on a provider; what is too much is shed",
        (
            "tests/circuit/test_failures.py::test_a_late_first_token_is_slow_unless_we_were_late_ourselves",
            ADMISSION + "test_what_is_too_much_goes_to_the_next_target_or_is_shed_and_every_place_is_given_back",
            "tests/upstream/test_lag.py::test_a_loop_that_is_late_right_now_is_late_although_nobody_could_look_yet",
        ),
    ),
    Row(
        "SIGTERM with answers in flight",
        "they finish, or end in an error chunk after 30 s, or in a 503 where nothing has left; none is let in",
        (ENDS,),
    ),
    Row("kill -9", "its own connections break, visibly, and its providers are stopped", (KILLED,)),
    Row(
        "a reload in the middle of a stream",
        "the stream keeps its rules, circuits their state; a bad set changes nothing",
        (
            "tests/end_to_end/test_reload.py::test_a_stream_in_flight_keeps_the_rules_it_began_with",
            "tests/end_to_end/test_reload.py::test_a_bad_edit_changes_nothing_and_is_shown",
            CIRCUITS + "test_a_reload_leaves_the_circuits_as_they_are",
        ),
    ),
    Row("no file descriptor left", "who is in is served; the others as soon as there is one", (FILES,)),
    Row(
        "a cold start",
        "not ready before the first request would be fast",
        ("tests/end_to_end/test_readiness.py::test_a_gateway_becomes_ready",),
    ),
    Row(
        "every circuit open",
        "one request at a time tries each; the others hear when to come back",
        (
            CIRCUITS + "test_when_every_target_is_open_one_request_tries_each_and_the_next_waits",
            CIRCUITS + "test_a_last_resort_that_answers_is_back",
        ),
    ),
    Row(
        "a model that policy refuses, by any name",
        "refused, and no call",
        (
            "tests/end_to_end/test_refusals.py::test_a_model_that_may_not_be_served_is_not_called",
            "tests/hooks/test_gate.py::test_no_form_of_a_request_reaches_a_target_that_was_not_resolved",
        ),
    ),
)

HEAD = """\
# The fault matrix

Each fault is real to the gateway: a process of its own per lane, simulated providers in others, sockets between them.
Words of simulated answers are numbered, so an answer is every word once, in order, and a finish reason, or it is
visibly broken. Tests of this folder look at four places: what the client got, what the providers' logs show, what the
log line says, and what the circuit of the target counted. Rows that need no gateway are held elsewhere.

| row | what goes wrong | what is promised | held by |
|---|---|---|---|
"""


def page() -> str:
    return HEAD + "".join(
        f"| {number} | {row.fault} | {row.promise} | {'<br>'.join(map(_linked, row.held_by))} |\n"
        for number, row in enumerate(MATRIX, 1)
    )


def _linked(test: str) -> str:
    path, _, name = test.partition("::")
    there = path.removeprefix(HERE) if path.startswith(HERE) else "../../../" + path
    return f"[{name.removeprefix('test_').replace('_', ' ')}]({there})"
