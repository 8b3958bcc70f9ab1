"""G12: a row that cannot run fails alone, with a text that says why; so does a result that cannot be stored."""

from __future__ import annotations

import uuid

from asyncqueue import Status
from asyncqueue.model import NewTask
from tests.worker import sample_tasks
from tests.worker.process import WorkerProcess

HERE = "tests.worker.sample_tasks"
ODD = "tests.worker.misbehaving_tasks"

#: name: (dotted path, args as they stand in the column, what the error must say)
POISON = {
    "module missing": ("no.such.module.function", "{}", "No module named 'no'"),
    "attribute missing": (f"{HERE}.no_such_function", "{}", "no_such_function"),
    "no dots": ("print", "{}", "print"),
    "empty path": ("", "{}", "dotted path"),
    "not callable": (f"{HERE}.not_callable", "{}", "not callable"),
    "not allowed": ("os.system", '{"command": "true"}', "--allow"),
    "not a task": (f"{HERE}.plain", "{}", "--allow"),
    "invalid JSON": (f"{HERE}.add", '{"a": 1,', "not valid JSON"),
    "args are a list": (f"{HERE}.add", "[1, 2]", "JSON object"),
    "args are null": (f"{HERE}.add", "null", "JSON object"),
    "argument missing": (f"{HERE}.add", '{"a": 1}', "b"),
    "argument of the wrong type": (f"{HERE}.add", '{"a": 1, "b": "two"}', "valid integer"),
    "argument unknown": (f"{HERE}.add", '{"a": 1, "b": 2, "c": 3}', "c"),
    "args too large": (f"{HERE}.give", '{"value": "' + "x" * 3000 + '"}', "max_args_size"),
    "result with NUL": (f"{HERE}.give", '{"value": "a NUL"}', "NUL"),
    "result with a lone surrogate": (f"{HERE}.give", '{"value": "a SURROGATE"}', "surrogate"),
    "result too large": (f"{HERE}.give_large", '{"size": 5000}', "max_output_size"),
    "yields NUL": (f"{HERE}.yield_nul", "{}", "NUL"),
    "raises": (f"{HERE}.fail", "{}", "ValueError('on purpose')"),
    "times out": (f"{HERE}.too_slow", "{}", "Task timed out after 0.3 seconds"),
    "validator raises KeyError": (f"{ODD}.picky", '{"x": 1}', "KeyError(1)"),
    "validator exits": (f"{ODD}.picky_to_the_end", '{"x": 1}', "SystemExit(3)"),
    "type has no schema": (f"{ODD}.unwieldy", '{"x": 1}', "KeyError('no schema')"),
    "module's __getattr__ is not asked": (f"{ODD}.laziest", "{}", "__getattr__ is asked only"),
    "module's __getattr__ raises": (f"{ODD}.lazy", "{}", "ImportError('a lazy import failed')"),
    "module's __getattr__ exits": (f"{ODD}.lazier", "{}", "SystemExit(6)"),
    "exception cannot be shown": (f"{ODD}.unshowable", "{}", "<Unshowable whose repr raised SystemExit>"),
    "retry policy exits": (f"{ODD}.unclassifiable", "{}", "its retry_on or give_up_on raised SystemExit(4)"),
    "result exits": (f"{ODD}.unwritable", "{}", "SystemExit: 5"),
    "class of its own": (f"{ODD}.stops", "{}", "Stop()"),
    "GeneratorExit": (f"{ODD}.closes_itself", "{}", "GeneratorExit()"),
    "crashes its process": (f"{HERE}.crash", "{}", "Worker subprocess exited with code -11"),
}


async def test_each_poison_row_fails_alone_with_a_clear_text(queue, database, tmp_path):
    witness = tmp_path / "witness"
    poison = {name: NewTask(uuid.uuid4(), path, args) for name, (path, args, _) in POISON.items()}
    healthy = []
    for row in poison.values():
        healthy.append(await queue.enqueue(sample_tasks.record, {"witness": str(witness), "key": str(row.id)}))
        await queue.backend.enqueue([row])
    options = ("--burst", "--allow", f"{ODD}.lazy", "--allow", f"{ODD}.lazier")
    limits = {"ASYNCQUEUE_MAX_OUTPUT_SIZE": "4000", "ASYNCQUEUE_MAX_ARGS_SIZE": "2000"}
    limits["ASYNCQUEUE_UNKNOWN_TASKS"] = "0"  # no other worker has what is missing here
    with WorkerProcess(database.url, tmp_path, *options, **limits) as worker:
        assert await worker.wait() == 0
    for name, (_, _, expected) in POISON.items():
        record = await queue.get(poison[name].id)
        text = record.error if database.shape == 10 else record.output
        assert record.status == Status.FAILED, name
        assert expected in (text or ""), f"{name}: {text}"
    assert [await handle.status() for handle in healthy] == [Status.COMPLETED] * len(healthy)


async def test_an_allowed_plain_function_runs(queue, database, tmp_path):
    witness = tmp_path / "witness"
    handle = await queue.enqueue(sample_tasks.plain, {"witness": str(witness), "key": "a"})
    with WorkerProcess(database.url, tmp_path, "--burst", "--allow", f"{HERE}.*") as worker:
        assert await worker.wait() == 0
    assert await handle.result() == "a"


async def test_every_kind_of_task_leaves_what_it_should(queue, database, tmp_path):
    summed = await queue.enqueue(sample_tasks.add, {"a": 1, "b": 2})
    counted = await queue.enqueue(sample_tasks.count_to, {"number": 5})
    ticked = await queue.enqueue(sample_tasks.tick, {"number": 4, "pause": 0.2})
    threaded = await queue.enqueue(sample_tasks.threaded, {"witness": str(tmp_path / "witness"), "key": "k"})
    child = await queue.enqueue(sample_tasks.child_pid, {})
    with WorkerProcess(database.url, tmp_path, "--burst") as worker:
        assert await worker.wait() == 0
    assert await summed.result() == 3
    assert (await counted.record()).output == "1 2 3 4 5 "
    assert (await ticked.record()).output == "<0><1><2><3>"
    assert await threaded.result() == "k"
    assert await child.result() not in (worker.pid, None)
    if database.shape == 10:
        assert (await summed.record()).log == "adding 1 and 2\n"
