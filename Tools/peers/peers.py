#!/usr/bin/env python3
"""Times the programs of a model here and in ONNX Runtime, OpenVINO and PyTorch, alternating in one run.

    peers.py MODEL.ddiff.safetensors [--size 512x512] [--program step] [--peer openvino] [--rounds 3] [--json FILE]

Each round starts each peer once, in a process of its own, which loads the network, runs it once unmeasured and then a few times measured. Printed are, for
each program, the median of all runs, the median over the rounds of the ratio to deblurdiff in float32, the peak resident memory, and the relative error of the
result against deblurdiff in float32 (Euclidean norms). Everybody computes the whole program as it is imported, except deblurdiff, which has moved out of the
step what does not change between steps. Packages: requirements.txt.
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ["vae_encoder", "step", "vae_decoder"]
OURS = {"deblurdiff": "float32", "deblurdiff-int16": "int16", "deblurdiff-bfloat16": "bfloat16"}
PEERS = [*OURS, "onnxruntime", "openvino", "openvino-bfloat16", "pytorch"]


class OnnxRuntime:
    def __init__(self, job):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = job["threads"]
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(job["onnx"], options, providers=["CPUExecutionProvider"])

    def run(self, inputs):
        names = {i.name for i in self.session.get_inputs()}
        return self.session.run(None, {name: value for name, value in inputs.items() if name in names})[0]


class OpenVINO:
    def __init__(self, job):
        import openvino

        self.model = openvino.Core().compile_model(
            job["onnx"], "CPU",
            {"INFERENCE_PRECISION_HINT": "bf16" if job["peer"].endswith("bfloat16") else "f32", "INFERENCE_NUM_THREADS": job["threads"],
             "PERFORMANCE_HINT": "LATENCY"})
        self.request = self.model.create_infer_request()

    def run(self, inputs):
        names = {name for i in self.model.inputs for name in i.names}
        return self.request.infer({name: value for name, value in inputs.items() if name in names})[0]


class PyTorch:
    def __init__(self, job):
        import torch
        from safetensors import safe_open

        sys.path.insert(0, str(HERE.parent / "torch"))
        import deblurdiff_torch

        self.torch = torch
        self.adaptive_convolution = deblurdiff_torch.adaptive_convolution
        torch.set_grad_enabled(False)
        torch.set_num_threads(job["threads"])
        with safe_open(job["model"], "pt") as file:
            with torch.device("meta"):
                model = deblurdiff_torch.DeblurDiff(released_configuration(json.loads(file.metadata()["deblurdiff.configuration"])))
            # Only what the program runs: nobody should pay for the others' memory.
            prefixes = {"step": ("unet.", "kpn.", "controlnet."), "vae_encoder": ("vae.",), "vae_decoder": ("vae.",)}[job["program"]]
            state = {key: file.get_tensor(key).float() for key in file.keys() if key.startswith(prefixes)}
        model.load_state_dict(state, strict=False, assign=True)
        self.model = model.eval()
        self.program = getattr(self, job["program"])

    def vae_encoder(self, image):
        # What the graph of that name takes is what the module takes.
        return self.model.vae.moments(image)

    def vae_decoder(self, latent):
        return self.model.vae.decode(latent)

    def step(self, z, c_img, timestep, context):
        cat = self.torch.cat
        kernel = self.model.kpn.unet(cat([c_img, z], 1), timestep, context)
        eac = self.adaptive_convolution(c_img, kernel)
        control = self.model.controlnet(cat([z, c_img, eac], 1), timestep, context)
        return self.model.unet(z, timestep, context, control)

    def run(self, inputs):
        return self.program(**{name: self.torch.from_numpy(value) for name, value in inputs.items()}).numpy()


def released_configuration(native):
    """The configuration in a converted model, under the names of the released YAML."""

    def network(part):
        return {
            "model_channels": part["modelChannels"], "channel_mult": part["channelMultipliers"], "num_head_channels": part["headChannels"],
            "context_dim": part["contextDimension"], "num_res_blocks": part["residualBlocks"], "in_channels": part["inChannels"],
            "hint_channels": part["hintChannels"], "attention_resolutions": part["attentionResolutions"],
            "transformer_depth": part["transformerDepth"],
        }

    vae, clip = native["autoencoder"], native["textEncoder"]
    sizes = {
        "ch": vae["baseChannels"], "ch_mult": vae["channelMultipliers"], "in_channels": vae["inChannels"], "out_ch": vae["outChannels"],
        "num_res_blocks": vae["residualBlocks"], "z_channels": vae["zChannels"],
    }
    text = {
        "width": clip["width"], "layers": clip["layers"], "heads": clip["heads"], "vocab_size": clip["vocabularySize"],
        "context_length": clip["contextLength"],
    }
    return {
        "latent_scale_factor": native["latentScaleFactor"], "unet_cfg": network(native["unet"]), "controlnet_cfg": network(native["controlNet"]),
        "lkpn_cfg": {**network(native["lkpn"]), "kernel_size": native["kernelSize"]},
        "vae_cfg": {"embed_dim": vae["embedDimension"], "ddconfig": sizes}, "clip_cfg": {"text_cfg": text, "layer": clip["layer"]},
    }


def tensors(path):
    """The tensors of a file, without those that only fill space."""
    from safetensors.numpy import load_file

    return {name: tensor for name, tensor in load_file(path).items() if not name.startswith("__padding__.")}


def work(job):
    """What a peer's process does: prints its figures as JSON."""
    import numpy
    from safetensors.numpy import save_file

    inputs = tensors(job["inputs"])
    start = time.perf_counter()
    peer = {"onnxruntime": OnnxRuntime, "openvino": OpenVINO, "openvino-bfloat16": OpenVINO, "pytorch": PyTorch}[job["peer"]](job)
    loaded = time.perf_counter()
    output = numpy.ascontiguousarray(peer.run(inputs), dtype=numpy.float32)
    seconds = []
    for _ in range(job["runs"]):
        begin = time.perf_counter()
        peer.run(inputs)
        seconds.append(time.perf_counter() - begin)
    save_file({"output": output}, job["output"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"load": loaded - start, "seconds": seconds, "peak_bytes": peak}))


def measure(options, job):
    """One peer's process, started and waited for."""
    if job["peer"] not in OURS:
        command = [sys.executable, __file__, "--work", json.dumps(job)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])
    figures = job["output"] + ".json"
    start = time.perf_counter()
    subprocess.run(
        [options.deblurdiff, "bench", job["model"], "--program", job["program"], "--size", options.size, "--runs", str(job["runs"]),
         "--precision", OURS[job["peer"]], "--threads", str(job["threads"]), "--json", "--output", figures],
        check=True, stdout=subprocess.DEVNULL)
    whole = time.perf_counter() - start
    figures = json.loads(pathlib.Path(figures).read_text())
    seconds = figures["results"][0]["seconds"]
    return {"load": whole - sum(seconds) - statistics.median(seconds), "seconds": seconds, "peak_bytes": figures["residentBytes"]}


def execute(options, program, inputs, output, precision):
    subprocess.run(
        [options.deblurdiff, "execute", options.model, "--graph", program, "--size", options.size, "--input", str(inputs), "--output", str(output),
         "--precision", precision, "--quiet"], check=True)


def relative_error(path, reference):
    import numpy

    (a,), (b,) = tensors(path).values(), tensors(reference).values()
    a, b = a.astype(numpy.float64), b.astype(numpy.float64)
    return float(numpy.linalg.norm(a - b) / numpy.linalg.norm(b))


def prepare(options, program, folder):
    """Exports a program, makes its inputs, and computes its result here."""
    onnx = folder / f"{program}.onnx"
    if not onnx.exists():
        subprocess.run(
            [options.deblurdiff, "export", options.model, "--graph", program, "--size", options.size, "--stage", "imported", "--inline", "-o", str(onnx)],
            check=True)
    inputs, reference = folder / f"{program}.in.safetensors", folder / f"{program}.out.safetensors"
    subprocess.run(
        [options.deblurdiff, "execute", options.model, "--graph", program, "--size", options.size, "--random-seed", "1", "--save-inputs", str(inputs),
         "--output", str(reference), "--quiet"], check=True)
    return str(onnx), str(inputs), str(reference)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", help="a converted model")
    parser.add_argument("--size", default="512x512", help="of the image, in pixels (512x512)")
    parser.add_argument("--program", action="append", choices=PROGRAMS, help="may be repeated; all without it")
    parser.add_argument("--peer", action="append", choices=PEERS, help="may be repeated; all without it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3, help="measured runs of each process (3)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--deblurdiff", default=shutil.which("deblurdiff") or str(HERE.parent.parent / ".build/release/deblurdiff"), help="the command")
    parser.add_argument("--folder", help="where exported networks are kept and found again; a temporary one without it")
    parser.add_argument("--json", help="write all figures there")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(json.loads(options.work))
    if not options.model:
        parser.error("name a model")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.folder or temporary)
        folder.mkdir(exist_ok=True)
        compare(options, folder)


def compare(options, folder):
    programs, peers = options.program or PROGRAMS, options.peer or PEERS
    if "deblurdiff" not in peers:
        peers = ["deblurdiff", *peers]
    results = {}
    for program in programs:
        onnx, inputs, reference = prepare(options, program, folder)
        for peer in peers:
            results[program, peer] = {"rounds": [], "load": [], "peak_bytes": 0}
        for number in range(options.rounds):
            for peer in peers:
                job = {
                    "peer": peer, "program": program, "model": options.model, "onnx": onnx, "inputs": inputs, "runs": options.runs,
                    "threads": options.threads, "output": str(folder / f"{program}.{peer}.safetensors"),
                }
                print(f"\r{program}, round {number + 1} of {options.rounds}: {peer:24}", end="", file=sys.stderr, flush=True)
                figures = measure(options, job)
                result = results[program, peer]
                result["rounds"].append(figures["seconds"])
                result["load"].append(figures["load"])
                result["peak_bytes"] = max(result["peak_bytes"], figures["peak_bytes"])
                if number == 0 and peer != "deblurdiff":
                    if peer in OURS:
                        execute(options, program, inputs, job["output"], OURS[peer])
                    result["relative_error"] = relative_error(job["output"], reference)
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
        report(program, peers, results)
    if options.json:
        figures = [{"program": program, "peer": peer, **result} for (program, peer), result in results.items()]
        pathlib.Path(options.json).write_text(json.dumps({"size": options.size, "threads": options.threads, "results": figures}, indent=1) + "\n")


def report(program, peers, results):
    ours = [statistics.median(seconds) for seconds in results[program, "deblurdiff"]["rounds"]]
    print(f"{program:24} median s   deblurdiff is   load s   peak GB   relative error")
    for peer in peers:
        result = results[program, peer]
        median = statistics.median(second for seconds in result["rounds"] for second in seconds)
        ratio = statistics.median(a / statistics.median(b) for a, b in zip(ours, result["rounds"]))
        error = f"{result['relative_error']:.1e}" if "relative_error" in result else ""
        print(f"  {peer:22} {median:8.3f} {ratio:13.2f} x {statistics.median(result['load']):8.1f} {result['peak_bytes'] / 1e9:9.2f}   {error}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
