#!/usr/bin/env python3
"""Runs the whole cycle with a client that a generator made of the server's description:

    pip install openapi-generator-cli        # needs Java
    openapi-generator-cli generate -g python -i Sources/Server/Resources/openapi.json -o out/client
    PYTHONPATH=out/client Tools/serve/client.py http://127.0.0.1:7860 Models/cat-blurred.png"""
import pathlib
import sys
import time

import openapi_client

address, path = sys.argv[1:]
photograph = pathlib.Path(path).read_bytes()
server = openapi_client.DefaultApi(openapi_client.ApiClient(openapi_client.Configuration(host=address)))


def end(job):
    while job.state in ("queued", "running"):
        time.sleep(0.2)
        job = server.get_job(job.id)
    return job


def refused(status, call):
    try:
        call()
    except openapi_client.ApiException as error:
        assert error.status == status, error
    else:
        raise AssertionError(f"was not refused with {status}")


print(server.get_capabilities().program, [model.id for model in server.list_models().models], server.estimate(width=512, height=512).seconds)
job = end(server.create_job(body=photograph, name="a.png", options={"seed": "3"}))
assert job.state == "done" and job.result.name == "a_restored.png", job
assert server.get_input(job.id) == photograph and len(server.get_result(job.id)) == job.result.bytes
assert server.get_thumbnail(job.id)[:2] == b"\xff\xd8" and job.id in [other.id for other in server.list_jobs().jobs]
long = server.create_job(body=photograph, options={"steps": "1000"})
assert server.delete_job(long.id).state == "cancelled"
for finished in (job, long):
    server.delete_job(finished.id)
    refused(404, lambda: server.get_job(finished.id))
refused(422, lambda: server.create_job(body=b"no photograph"))
refused(400, lambda: server.create_job(body=photograph, options={"steps": "0"}))
print("the whole cycle, by a generated client")
