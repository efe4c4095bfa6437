"""Runs the network in other people's runtimes, one thread, and prints how long as JSON.

`prepare MODEL SIDE FOLDER` writes what the runtimes read: the same weights as plain floats, for
an input of that side. `run PEER FOLDER SIDE INPUT RUNS` prints nanoseconds to load, nanoseconds of
each run, and the answer. `have` prints the runtimes that can be imported.
"""
import importlib.util
import json
import os
import subprocess
import sys
import time

PEERS = {"onnxruntime": ["onnxruntime"], "ncnn": ["ncnn", "pnnx"]}


def have():
    found = [peer for peer, needs in PEERS.items() if all(importlib.util.find_spec(n) for n in needs)]
    print(json.dumps(found))


def prepare(model, side, folder):
    import numpy
    import onnx
    from onnx import numpy_helper, shape_inference

    loaded = onnx.load(model)
    graph = loaded.graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "DequantizeLinear"]:
        integers, scales = (arrays.pop(name) for name in node.input)
        scales = scales.reshape([-1] + [1] * (integers.ndim - 1))
        arrays[node.output[0]] = integers.astype(numpy.float32) * scales
        graph.node.remove(node)
    del graph.initializer[:]
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    for axis in (2, 3):
        graph.input[0].type.tensor_type.shape.dim[axis].dim_value = side
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "float.onnx")
    onnx.save(loaded, path)
    if importlib.util.find_spec("pnnx"):
        # The package is a wrapper of the program of that name.
        subprocess.run(
            ["pnnx", "float.onnx", f"inputshape=[1,3,{side},{side}]", "fp16=0"],
            cwd=folder, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "PATH": os.path.dirname(sys.executable) + ":" + os.environ["PATH"]},
        )
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in shape_inference.infer_shapes(loaded).graph.value_info
    }
    products = 0
    for node in graph.node:
        if node.op_type == "Conv":
            products += numpy.prod(shapes[node.output[0]]) * numpy.prod(arrays[node.input[1]].shape[1:])
        elif node.op_type == "Gemm":
            products += arrays[node.input[1]].size
    print(json.dumps({"multiply_adds": int(products)}))


def onnxruntime(folder, picture):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = os.path.join(folder, "float.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: picture[None]})[0]


def ncnn(folder, picture):
    import ncnn
    import numpy

    net = ncnn.Net()
    net.opt.num_threads = 1
    # Rounded to 16 bits it would not do the same work.
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = False
    stem = os.path.join(folder, "float.ncnn")
    if net.load_param(stem + ".param") or net.load_model(stem + ".bin"):
        sys.exit("pnnx did not convert the network")
    picture = ncnn.Mat(picture)

    def run():
        extractor = net.create_extractor()
        extractor.input("in0", picture)
        return numpy.array(extractor.extract("out0")[1])

    return run


def timed(peer, folder, side, file, runs):
    import numpy

    picture = numpy.fromfile(file, "<f4").reshape(3, side, side)
    start = time.perf_counter_ns()
    run = {"onnxruntime": onnxruntime, "ncnn": ncnn}[peer](folder, picture)
    load_ns = time.perf_counter_ns() - start
    for _ in range(3):
        answer = run()
    run_ns = []
    for _ in range(runs):
        start = time.perf_counter_ns()
        run()
        run_ns.append(time.perf_counter_ns() - start)
    answer = [float(number) for number in answer.reshape(-1)]
    print(json.dumps({"load_ns": load_ns, "run_ns": run_ns, "answer": answer}))


match sys.argv[1:]:
    case ["have"]:
        have()
    case ["prepare", model, side, folder]:
        prepare(model, int(side), folder)
    case ["run", peer, folder, side, file, runs]:
        timed(peer, folder, int(side), file, int(runs))
    case _:
        sys.exit(__doc__)
