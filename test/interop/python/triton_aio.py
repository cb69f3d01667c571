"""The stock tritonclient, in its asyncio form."""

import asyncio

import numpy as np
import tritonclient.grpc.aio as triton
from harness import contains, equal, run_steps, step


def tensor(name: str, array: np.ndarray, datatype: str) -> triton.InferInput:
    return triton.InferInput(name, list(array.shape), datatype).set_data_from_numpy(array)


def run(address, body) -> None:
    async def main():
        async with triton.InferenceServerClient(address) as client:
            await asyncio.wait_for(body(client), 60)

    asyncio.run(main())


@step
def questions(address):
    """health, metadata and repository index"""

    async def body(client):
        equal(await client.is_server_live(), True, "live")
        equal(await client.is_server_ready(), True, "ready")
        equal(await client.is_model_ready("iris"), True, "iris is ready")
        equal((await client.get_server_metadata()).name, "sluice", "server name")
        equal((await client.get_model_metadata("iris")).inputs[0].name, "X", "input")
        index = await client.get_model_repository_index()
        equal("iris" in {model.name for model in index.models}, True, "iris is listed")

    run(address, body)


@step
def together(address):
    """64 calls at once, each answered with its own numbers"""

    async def one(client, number):
        x = np.full((1, 3), number, dtype=np.float32)
        answer = await client.infer("identity_fp32", [tensor("INPUT0", x, "FP32")], request_id=str(number))
        equal(answer.get_response().id, str(number), "id")
        equal(answer.as_numpy("OUTPUT0").tolist(), [[float(number)] * 3], f"answer to {number}")

    async def body(client):
        await asyncio.gather(*(one(client, number) for number in range(64)))

    run(address, body)


@step
def options(address):
    """a call with a timeout, headers and compression, two at once, and the statistics of its model"""

    async def body(client):
        inputs = [tensor(name, np.full((1, 16), number, np.int32), "INT32") for name, number in (("INPUT0", 7), ("INPUT1", 1))]

        async def ask(**options):
            answer = await client.infer("simple", inputs, **options)
            equal(answer.as_numpy("OUTPUT0").tolist(), [[8] * 16], "sums")
            equal(answer.as_numpy("OUTPUT1").tolist(), [[6] * 16], "differences")

        outputs = [triton.InferRequestedOutput("OUTPUT0"), triton.InferRequestedOutput("OUTPUT1")]
        await ask(outputs=outputs, client_timeout=20, headers={"test": "1"}, compression_algorithm="gzip")
        await asyncio.gather(ask(outputs=None, compression_algorithm="deflate"), ask())
        [statistics] = (await client.get_inference_statistics("simple")).model_stats
        equal(statistics.inference_stats.success.count >= 3, True, "requests are counted")
        equal((await client.get_model_config("simple")).config.name, "simple", "config")

    run(address, body)


@step
def streamed(address):
    """stream_infer: answers in the order of the requests, an error in its place, and the stream goes on"""

    async def requests():
        for number in range(20):
            model = "no-such-model" if number == 10 else "identity_int32"
            x = tensor("INPUT0", np.full((1, 3), number, np.int32), "INT32")
            yield {"model_name": model, "inputs": [x], "request_id": str(number)}

    async def body(client):
        numbers = []
        async for result, error in client.stream_infer(requests()):
            if error is not None:
                contains(error.message(), "Request for unknown model")
                numbers.append("error")
                continue
            numbers.append(int(result.as_numpy("OUTPUT0")[0, 0]))
        equal(numbers, [*range(10), "error", *range(11, 20)], "answers")

    run(address, body)


@step
def cancelled(address):
    """a cancelled call leaves its neighbours alone"""

    async def body(client):
        def ask(number):
            x = np.full((1, 200_000), number, dtype=np.float32)
            return asyncio.create_task(client.infer("identity_fp32", [tensor("INPUT0", x, "FP32")]))

        tasks = [ask(number) for number in range(16)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for number, result in list(enumerate(results))[1::2]:
            equal(isinstance(result, triton.InferResult), True, f"call {number} was answered: {result!r}")
            equal(float(result.as_numpy("OUTPUT0")[0, 0]), float(number), f"answer to {number}")

    run(address, body)


@step
def refusals(address):
    """unknown model and passed deadline, as InferenceServerException"""

    async def refused(call, code, *parts):
        try:
            await call
        except triton.InferenceServerException as error:
            equal(error.status(), f"StatusCode.{code}", "status")
            contains(error.message(), *parts)
            return
        raise AssertionError(f"nothing was raised: wanted {code}")

    async def body(client):
        x = [tensor("X", np.zeros((1, 4), np.float32), "FP32")]
        await refused(client.infer("nope", x), "NOT_FOUND", "Request for unknown model")
        one = [tensor("INPUT0", np.ones((1, 1), np.float32), "FP32")]
        await refused(client.infer("slow", one, client_timeout=0.02), "DEADLINE_EXCEEDED")
        await client.infer("iris", x)

    run(address, body)


if __name__ == "__main__":
    run_steps()
