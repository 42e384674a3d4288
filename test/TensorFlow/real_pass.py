# TensorFlow's own pass, offline: on a cluster that is only described, so that no
# GPU is needed. Runs under a Python that has TensorFlow.

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from google.protobuf import json_format  # noqa: E402
from tensorflow.core.framework import graph_pb2  # noqa: E402
from tensorflow.core.protobuf import config_pb2, device_properties_pb2, meta_graph_pb2, rewriter_config_pb2  # noqa: E402
from tensorflow.python.grappler import cluster as grappler_cluster, tf_optimizer  # noqa: E402

NAMES = {"fp16": "auto_mixed_precision", "bf16": "auto_mixed_precision_onednn_bfloat16",
         "cpu_fp16": "auto_mixed_precision_cpu"}
PREFIX = "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_"


def to_proto(graph):
    return json_format.Parse(json.dumps(graph), graph_pb2.GraphDef())


def to_json(proto):
    return json.loads(json_format.MessageToJson(proto))


def cluster_of(case):
    devices = []
    cpu = device_properties_pb2.NamedDevice(name="/job:localhost/replica:0/task:0/device:CPU:0")
    cpu.properties.type = "CPU"
    cpu.properties.vendor = "x"
    cpu.properties.frequency = 3000
    cpu.properties.num_cores = 4
    devices.append(cpu)
    given = case["cluster"]
    if given.get("gpu"):
        gpu = device_properties_pb2.NamedDevice(name="/job:localhost/replica:0/task:0/device:GPU:0")
        gpu.properties.type = "GPU"
        gpu.properties.vendor = "NVIDIA"
        gpu.properties.frequency = 1400
        gpu.properties.num_cores = 80
        for key, name in (("arch", "architecture"), ("cuda", "cuda"), ("cudnn", "cudnn")):
            if given.get(key) is not None:
                gpu.properties.environment[name] = str(given[key])
        devices.append(gpu)
    return grappler_cluster.Cluster(devices=devices)


def rewrite(proto, case, timings=None):
    """The rewritten GraphDef of a GraphDef; an exception where the pass says no."""
    meta = meta_graph_pb2.MetaGraphDef()
    meta.graph_def.CopyFrom(proto)
    wanted = [x.split(":")[0] for k in ("fetches", "feeds", "keep") for x in case.get(k, [])]
    meta.collection_def["train_op"].node_list.value.extend(wanted)
    config = config_pb2.ConfigProto()
    options = config.graph_options.rewrite_options
    options.optimizers.append(NAMES[case["mode"]])
    options.meta_optimizer_iterations = rewriter_config_pb2.RewriterConfig.ONE
    options.min_graph_nodes = -1
    options.fail_on_optimizer_errors = True
    for key in [k for k in os.environ if k.startswith(PREFIX)]:
        del os.environ[key]
    for key, value in case.get("env", {}).items():
        os.environ[PREFIX + key] = value
    cluster = cluster_of(case)
    try:
        if timings is None:
            return tf_optimizer.OptimizeGraph(config, meta, verbose=False, cluster=cluster)
        import time
        start = time.perf_counter()
        out = tf_optimizer.OptimizeGraph(config, meta, verbose=False, cluster=cluster)
        timings.append(time.perf_counter() - start)
        return out
    finally:
        cluster.Shutdown()
        for key in case.get("env", {}):
            os.environ.pop(PREFIX + key, None)
