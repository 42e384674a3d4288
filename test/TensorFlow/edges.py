# Edge questions: graphs of a few nodes, with what TensorFlow 2.21 answered
# (test/data/tensorflow/edge-answers.json), its errors included.
#
#   edges.py --amp-opt=PATH --data=test/data/tensorflow

import argparse
import base64
import json
import os
import re
import sys
import tempfile

import run_random

F, H, I32, I64, V = [{"type": "DT_" + t} for t in ("FLOAT", "HALF", "INT32", "INT64", "VARIANT")]
CPU = "/job:localhost/replica:0/task:0/device:CPU:0"


def n(name, op, inputs="", device="", **attrs):
    data = {"name": name, "op": op}
    if inputs:
        data["input"] = inputs.split()
    if device:
        data["device"] = device
    if op == "Placeholder":
        attrs["shape"] = {"shape": {"dim": [{"size": "2"}, {"size": "2"}]}}
    if attrs:
        data["attr"] = attrs
    return data


def const(name, dtype=I32):
    field = "floatVal" if dtype is F else "intVal"
    return n(name, "Const", dtype=dtype, value={"tensor": {"dtype": dtype["type"], "tensorShape": {}, field: [1]}})


def text(s):
    return {"s": base64.b64encode(s.encode()).decode()}


X, M, FETCH = n("x", "Placeholder", dtype=F), n("m", "MatMul", "x x", T=F), n("fetch", "Identity", "m", T=F)


def unary(name, op, source, **more):
    return n(name, op, source, T=F, **more)


def chain(device=""):
    """x, a product, an infer op, a deny op, a fetch."""
    return [dict(d, device=device) if device else d for d in (
        X, M, unary("t", "Tanh", "m"), unary("e", "Exp", "t"), unary("fetch", "Identity", "e"))]


def norm(op, name, source, rest, **more):
    return n(name, op, " ".join([source] + [rest] * 4), T=F, **more)


def function(name, nodes, ret):
    return {"signature": {"name": name, "inputArg": [{"name": "x", "type": "DT_FLOAT"}],
                          "outputArg": [{"name": "y", "type": "DT_FLOAT"}]}, "nodeDef": nodes, "ret": {"y": ret}}


F1 = function("F1", [n("m", "MatMul", "x x", T=F), n("r", "Relu", "m:product:0", T=F)], "r:activations:0")
RNN = dict(T=F, rnn_mode=text("lstm"))
FS = function("FS", [n("r", "Relu", "x", T=F),
                     n("c", "CudnnRNNV2", "r:activations:0 r:activations:0 r:activations:0 r:activations:0", **RNN),
                     n("m", "MatMul", "x x", T=F), n("e", "Exp", "m:product:0", T=F),
                     n("a", "AddV2", "c:output:0 e:y:0", T=F)], "a:z:0")
LISTS = dict(element_dtype=F, shape_type=I32)


def calls(*nodes, functions=(F1,)):
    return list(nodes), {"function": list(functions)}


CALL = dict(Tin={"list": {"type": ["DT_FLOAT"]}}, Tout={"list": {"type": ["DT_FLOAT"]}}, f={"func": {"name": "F1"}})
T2 = [unary("t", "Tanh", "p"), n("m2", "MatMul", "t t", T=F), unary("fetch", "Identity", "m2")]
TAKEN = "x-0-CastToFp16-0-AutoMixedPrecision"
G = {"T": F}

# name: nodes (and a library), then what differs from the usual case.
EDGES = {
    "nextiteration_consumer_not_merge": ([X, M, n("n", "NextIteration", "m", T=F), unary("fetch", "Identity", "n")], {}),
    "cast_name_taken": ([X, M, FETCH, const(TAKEN)], {}),
    "existing_cast_to_half_is_not_reused": (
        [X, n(TAKEN, "Cast", "x", SrcT=F, DstT=H), M, FETCH, n("h", "Relu", TAKEN, T=H), n("f2", "Identity", "h", T=H)],
        {"fetches": ["fetch", "f2"]}),
    "list_conflict": (chain(), {"env": {"ALLOWLIST_ADD": "Exp"}}),
    "list_unknown_op": (chain(), {"env": {"ALLOWLIST_ADD": "NoSuchOp"}}),
    "list_spaces": (chain(), {"env": {"ALLOWLIST_ADD": " Exp"}}),
    "list_spaces_2": (chain(), {"env": {"DENYLIST_REMOVE": "Exp", "ALLOWLIST_ADD": "Exp, Foo"}}),
    "list_lowercase": (chain(), {"env": {"ALLOWLIST_ADD": "exp"}}),
    "list_add_and_remove_same": (chain(), {"env": {"ALLOWLIST_ADD": "MatMul", "ALLOWLIST_REMOVE": "MatMul"}}),
    "old_names_WHITELIST_REMOVE": (chain(), {"env": {"WHITELIST_REMOVE": "MatMul"}}),
    "old_names_GRAYLIST_REMOVE": (chain(), {"env": {"GRAYLIST_REMOVE": "Tanh"}}),
    "old_names_BLACKLIST_REMOVE": (chain(), {"env": {"BLACKLIST_REMOVE": "Exp", "WHITELIST_ADD": "Exp"}}),
    "old_remove_then_new_add": (chain(), {"env": {"WHITELIST_REMOVE": "MatMul", "ALLOWLIST_ADD": "MatMul"}}),
    "level_lowercase": (chain(), {"env": {"LEVEL": "treat_infer_as_deny"}}),
    "level_unknown": (chain(), {"env": {"LEVEL": "NO_SUCH_LEVEL"}}),
    "level_bf16_force": (chain(), {"mode": "bf16", "gpu": False, "env": {"LEVEL": "UNSAFE_FORCE_ALL"}}),
    "level_tensor_cores_only_list_add": (chain(), {"env": {"LEVEL": "TENSOR_CORES_ONLY", "ALLOWLIST_ADD": "Exp"}}),
    "level_treat_deny_list_edit": (chain(), {"env": {"LEVEL": "TREAT_INFER_AS_DENY", "INFERLIST_REMOVE": "Tanh",
                                                     "ALLOWLIST_ADD": "Tanh"}}),
    "bf16_gpu_cluster_unplaced": (chain(), {"mode": "bf16"}),
    "bf16_gpu_placed": (chain("/gpu:0"), {"mode": "bf16"}),
    "missing_type_attr_T": ([X, n("m", "MatMul", "x x"), FETCH], {}),
    "missing_type_attr_no_default_Cast_DstT": ([X, n("c", "Cast", "x", SrcT=F), n("m", "MatMul", "c c", T=F), FETCH], {}),
    "unknown_input_node": ([X, M, FETCH, unary("q", "Relu", "zzz")], {}),
    "input_port_out_of_range": ([X, M, FETCH, unary("q", "Relu", "x:3")], {}),
    "too_few_inputs": ([X, M, FETCH, unary("q", "Relu", "")], {}),
    "duplicate_name": ([X, M, FETCH, X], {}),
    "fetch_not_in_graph": ([X, M, FETCH], {"fetches": ["nothere"]}),
    "fetch_tensor_port": (chain(), {"fetches": ["t:0", "fetch"]}),
    "control_input_first": ([X, M, FETCH, unary("q", "Relu", "^m x")], {}),
    "control_edges_not_moved": ([X, M, unary("r", "Relu", "m ^x"), unary("e", "Exp", "r ^m"),
                                 unary("fetch", "Identity", "e")], {}),
    "cast_node_exact": ([X, M, unary("r", "Relu", "m"), unary("e", "Exp", "r"), unary("fetch", "Identity", "e")], {}),
    "output_node_order": ([X, M, unary("r", "Relu", "m"), unary("e", "Exp", "r"), unary("fetch", "Identity", "e")], {}),
    "cast_device_is_sources": ([X, dict(M, device=CPU), n("m2", "MatMul", "m m", T=F), unary("fetch", "Identity", "m2")], {}),
    "pass4_one_allow_fanin_one_unpainted": ([X, M, n("a", "AddV2", "m x", T=F), unary("fetch", "Identity", "a")], {}),
    "pass4_allow_and_deny_fanin": ([X, M, unary("e", "Exp", "x"), n("a", "AddV2", "m e", T=F), unary("fetch", "Identity", "a")],
                                   {}),
    "pass4_index_order_consumer_before_producer": (
        [X, M, unary("s", "Sigmoid", "t"), unary("t", "Tanh", "m"), unary("fetch", "Identity", "s")], {}),
    "pass4_chain_in_order": ([X, M, unary("t", "Tanh", "m"), unary("s", "Sigmoid", "t"), unary("fetch", "Identity", "s")], {}),
    "pass4_not_through_clear": ([X, M, unary("r", "Relu", "m"), unary("t", "Tanh", "r"), unary("fetch", "Identity", "t")], {}),
    "pass4_fbn_scale_fanin_U": ([X, M, norm("FusedBatchNormV3", "f", "x", "m", U=F), unary("fetch", "Identity", "f")], {}),
    "pass4_fbn_scale_fanin_U_bf16": ([X, M, norm("FusedBatchNormV3", "f", "x", "m", U=F), unary("fetch", "Identity", "f")],
                                     {"mode": "bf16", "gpu": False}),
    "pass4_no_kernel_check (Where moved to infer list)": (
        [X, M, unary("w", "Where", "m"), n("fetch", "Identity", "w", T=I64)],
        {"env": {"CLEARLIST_REMOVE": "Where", "INFERLIST_ADD": "Where"}}),
    "no_half_kernel_MaxPool3DGrad_Where": (
        [X, M, unary("w", "Where", "m"), unary("r", "Relu", "m"),
         n("g", "MaxPool3DGrad", "r r r", T=F, TInput=F, padding=text("SAME"), ksize={"list": {"i": ["1"] * 5}},
           strides={"list": {"i": ["1"] * 5}}),
         n("m2", "MatMul", "g g", T=F), unary("fetch", "Identity", "m2"), n("f2", "Identity", "w", T=I64)],
        {"fetches": ["fetch", "f2"]}),
    "kernel_depends_on_other_attr_TopKV2": (
        [X, M, const("kc"), n("k", "TopKV2", "m kc", T=F, Tk=I32, index_type=I64),
         n("k2", "TopKV2", "m kc", T=F, Tk=I32, index_type=I32), unary("fetch", "Identity", "k"),
         unary("f2", "Identity", "k2")], {"fetches": ["fetch", "f2"]}),
    "allow_op_whose_attr_does_not_admit_half": (
        [X] + [unary("r%d" % i, "Relu", "x") for i in range(6)] + [n("g", "GRUBlockCell", "r0 r1 r2 r3 r4 r5", T=F),
                                                                 unary("fetch", "Identity", "g")], {}),
    "ref_variable_read_without_identity": (
        [X, n("v", "VariableV2", dtype=F, shape={"shape": {}}), M, n("m2", "MatMul", "m v", T=F), unary("r", "Relu", "v"),
         n("m3", "MatMul", "r r", T=F), unary("fetch", "Identity", "m2"), unary("f2", "Identity", "m3")],
        {"fetches": ["fetch", "f2"]}),
    "tensorlist_from_placeholder": (
        [X, n("h", "Placeholder", dtype=V), M, n("p", "TensorListPushBack", "h m", element_dtype=F), const("i"),
         n("g", "TensorListGetItem", "p i i", element_dtype=F), unary("fetch", "Identity", "g")], {}),
    "tensorlist_handle_fetched": (
        [X, const("a"), const("b"), n("l", "EmptyTensorList", "a b", **LISTS), M,
         n("p", "TensorListPushBack", "l m", element_dtype=F), n("fetch", "Identity", "p", T=V)], {}),
    "tensorlist_member_fetched": (
        [X, const("a"), const("b"), n("l", "EmptyTensorList", "a b", **LISTS), M,
         n("p", "TensorListPushBack", "l m", element_dtype=F), const("i"), const("j"),
         n("g", "TensorListGetItem", "p i j", element_dtype=F)], {"fetches": ["g"]}),
    "list_of_lists": (
        [X, const("a"), const("b"), n("l", "EmptyTensorList", "a b", **LISTS), M,
         n("p", "TensorListPushBack", "l m", element_dtype=F), n("o", "EmptyTensorList", "a b", element_dtype=V, shape_type=I32),
         n("q", "TensorListPushBack", "o p", element_dtype=V), n("g", "TensorListGetItem", "q a b", element_dtype=V),
         n("r", "TensorListGetItem", "g a b", element_dtype=F), unary("fetch", "Identity", "r")], {}),
    "list_int_writer_float_reader": (
        [X, M, FETCH, const("a"), n("l", "EmptyTensorList", "a a", element_dtype=I32, shape_type=I32),
         n("w", "TensorListPushBack", "l a", element_dtype=I32), n("r", "TensorListGetItem", "w a a", element_dtype=F),
         unary("f2", "Identity", "r")], {"fetches": ["fetch", "f2"]}),
    "already_half_allow_op": ([n("x", "Placeholder", dtype=H), n("m", "MatMul", "x x", T=H), n("fetch", "Identity", "m", T=H)], {}),
    "double_matmul_then_cast": (
        [X, n("d", "Placeholder", dtype={"type": "DT_DOUBLE"}), n("m", "MatMul", "d d", T={"type": "DT_DOUBLE"}),
         n("c", "Cast", "m", SrcT={"type": "DT_DOUBLE"}, DstT=F), n("m2", "MatMul", "c x", T=F),
         unary("fetch", "Identity", "m2")], {}),
    "no_allow_ops": ([X, unary("t", "Tanh", "x"), unary("fetch", "Identity", "t")], {}),
    "no_allow_ops_but_fbn_converted": ([X, norm("FusedBatchNorm", "f", "x", "x"), unary("fetch", "Identity", "f")], {}),
    "fbn_is_fetched": ([X, norm("FusedBatchNorm", "f", "x", "x"), n("mm", "MatMul", "x x", T=F),
                        unary("fetch", "Identity", "mm")], {"fetches": ["fetch", "f"]}),
    "two_nodes_min_graph": ([X, M, FETCH], {}),
    "allow_ops_feed_nothing": ([X, M, n("m2", "MatMul", "m m", T=F)], {"fetches": ["m"]}),
    "dead_nodes_are_still_rewritten": ([X, M, FETCH, unary("dead", "Tanh", "m"), unary("dead2", "Relu", "dead")], {}),
    "quantize_after_allow": ([X, M, const("lo", F), const("hi", F), n("q", "QuantizeV2", "m lo hi", T={"type": "DT_QUINT8"}),
                              n("fetch", "Identity", "q", T={"type": "DT_QUINT8"})], {}),
    "const_weights": ([X, const("c", F), n("m", "MatMul", "x c", T=F), unary("i", "Identity", "c"),
                       n("m2", "MatMul", "x i", T=F), FETCH, unary("f2", "Identity", "m2")], {"fetches": ["fetch", "f2"]}),
    "resource_variable_weights": (
        [X, n("v", "VarHandleOp", dtype=F, shape={"shape": {}}), n("rv", "ReadVariableOp", "v", dtype=F),
         n("m", "MatMul", "x rv", T=F), unary("i", "Identity", "rv"), n("m2", "MatMul", "x i", T=F), FETCH,
         unary("f2", "Identity", "m2")], {"fetches": ["fetch", "f2"]}),
    "partitioned_call": (calls(X, M, n("p", "PartitionedCall", "m", **CALL), *T2), {}),
    "direct_function_call": (calls(X, M, n("p", "F1", "m"), *T2), {}),
    "unreachable_function": (calls(X, M, FETCH), {}),
    "function_tf_graph_id_other": (calls(X, M, n("p", "PartitionedCall", "m", **CALL), unary("fetch", "Identity", "p")), {}),
    "stateful allow-list op (CudnnRNNV2) in a function body": (
        calls(X, n("p", "PartitionedCall", "x", **dict(CALL, f={"func": {"name": "FS"}})), n("mm", "MatMul", "p p", T=F),
              unary("fetch", "Identity", "mm"), functions=[FS]), {}),
    "stateful allow-list op (CudnnRNNV2) in the main graph": (
        [X, unary("r", "Relu", "x"), n("c", "CudnnRNNV2", "r r r r", **RNN), unary("fetch", "Identity", "c")], {}),
    "enter_of_variable_read": (
        [X, n("v", "VariableV2", dtype=F, shape={"shape": {}}), unary("i", "Identity", "v"),
         n("en", "Enter", "i", T=F, frame_name=text("f")), n("ex", "Enter", "x", T=F, frame_name=text("f")),
         n("m", "MatMul", "ex en", T=F), unary("o", "Exit", "m"), unary("fetch", "Identity", "o")], {}),
    "int_matmul_paints_neighbours": (
        [n("x", "Placeholder", dtype=I32), n("i", "MatMul", "x x", T=I32), n("r", "Relu", "i", T=I32),
         n("c", "Cast", "r", SrcT=I32, DstT=F), unary("t", "Tanh", "c"), n("m", "MatMul", "t t", T=F), FETCH], {}),
    "cast_is_fetched": ([n("x", "Placeholder", dtype=I32), n("c", "Cast", "x", SrcT=I32, DstT=F), n("m", "MatMul", "c c", T=F),
                         FETCH], {"fetches": ["fetch", "c"]}),
    "cast_on_cpu": ([n("x", "Placeholder", dtype=I32), n("c", "Cast", "x", device=CPU, SrcT=I32, DstT=F),
                     n("m", "MatMul", "c c", T=F), FETCH], {}),
}
EDGES["quantize_allowlisted"] = (EDGES["quantize_after_allow"][0], {"env": {"ALLOWLIST_ADD": "QuantizeV2"}})
D = {"type": "DT_DOUBLE"}
EDGES["double_graph"] = ([n("x", "Placeholder", dtype=D), n("m", "MatMul", "x x", T=D), n("fetch", "Identity", "m", T=D)], {})
EDGES["int_only_allow"] = ([n("x", "Placeholder", dtype=I32), n("m", "MatMul", "x x", T=I32),
                            n("fetch", "Identity", "m", T=I32)], {})

# What ours answers otherwise, on purpose: a warning, and the graph rewritten.
OTHERWISE = {"unknown_op": "an op that the table has not is kept, with a warning (test/TensorFlow/messages.py)",
             "no_fetch": "rewritten, with a warning (test/TensorFlow/messages.py)", "_tensorflow": "the version"}


def edge(name):
    """The nodes and the case of a name that says both, or of the table."""
    if m := re.fullmatch(r"device (.*)", name):
        return chain(m.group(1)), {}
    if m := re.fullmatch(r"bf16 cpu cluster device (.*)", name):
        return chain(m.group(1)), {"mode": "bf16", "gpu": False}
    if m := re.fullmatch(r"arch '(.*)'", name):
        return chain(), {"arch": m.group(1)}
    if m := re.fullmatch(r"(IGNORE_PERFORMANCE|SIMULATE_GPU)=(\S+) (arch6.1|no gpu)", name):
        return chain(), dict({"env": {m.group(1): m.group(2)}}, **({"arch": "6.1"} if "arch" in name else {"gpu": False}))
    return EDGES.get(name)


def graph_and_case(found):
    nodes, changes = found
    library = None
    if isinstance(nodes, tuple):
        nodes, library = nodes
    graph = {"node": nodes}
    if library:
        graph["library"] = library
    case = {"fetches": changes.get("fetches", ["fetch"]), "feeds": [], "keep": [], "mode": changes.get("mode", "fp16"),
            "env": changes.get("env", {}), "cluster": {"gpu": changes.get("gpu", True), "arch": changes.get("arch", "8.0"),
                                                       "cuda": "12030", "cudnn": "8907"}}
    return json.loads(json.dumps(graph)), case


def differences(compare, graph, got, want):
    """Where the rewritten graph is not the recorded one."""
    if isinstance(want, list):
        casts = [x for x in got["node"] if x["name"].endswith("-AutoMixedPrecision")]
        if isinstance(want[0], str):
            return [] if [x["name"] for x in got["node"]] == want else ["order %s" % [x["name"] for x in got["node"]]]
        return [] if casts == want else ["casts %s" % json.dumps(casts)]
    bad = []

    def part(before, after, wanted, where):
        changed, ops, casts, extra, gone = compare.decisions(before, after)
        devices = {x["name"]: x.get("device", "") for x in after}
        mine = {k: [c["source"], devices[k], sorted(map(list, c["consumers"]))] for k, c in casts.items()}
        for k in ops:
            changed.pop(k, None)
        if changed != wanted.get("changed", {}):
            bad.append("%s%s, not %s" % (where, changed, wanted.get("changed")))
        theirs = wanted.get("casts", {})
        if isinstance(theirs, list):
            mine = sorted(mine)
            theirs = sorted(theirs)
        else:
            theirs = {k: [c[0], c[1], sorted(c[2])] for k, c in theirs.items()}
        if mine != theirs:
            bad.append("%scasts %s, not %s" % (where, mine, theirs))
        if ops != wanted.get("ops", {}) or extra or gone:
            bad.append("%sops %s, more %s, gone %s" % (where, ops, extra, gone))

    part(graph["node"], got["node"], want, "")
    functions = lambda g: {f["signature"]["name"]: f["nodeDef"] for f in g.get("library", {}).get("function", [])}
    before, after = functions(graph), functions(got)
    for name in before:
        part(before[name], after[name], want.get("functions", {}).get(name, {}), "function %s: " % name)
    if "inputs" in want:
        inputs = {x["name"]: x.get("input", []) for x in got["node"]}
        if inputs != want["inputs"]:
            bad.append("inputs %s" % inputs)
    return bad


def main():
    parser = argparse.ArgumentParser(description="edge questions")
    parser.add_argument("--amp-opt", required=True)
    parser.add_argument("--data", required=True)
    args = parser.parse_args()
    sys.path.insert(0, args.data)
    import compare
    with open(os.path.join(args.data, "edge-answers.json"), encoding="utf-8") as f:
        answers = json.load(f)
    count, failures = 0, 0
    with tempfile.TemporaryDirectory() as directory:
        for name, want in answers.items():
            if name in OTHERWISE:
                continue
            count += 1
            found = edge(name)
            if found is None:
                bad = ["there is no graph for it"]
            else:
                graph, case = graph_and_case(found)
                got, done = run_random.amp_opt(args.amp_opt, graph, case, "2.21", directory)
                fails = isinstance(want, dict) and ("error" in want or "process_aborts" in want)
                if fails:
                    bad = [] if done.returncode == 1 and "error:" in done.stderr else [
                        "exit %d where TensorFlow says %s: %s" % (done.returncode, want, done.stderr)]
                else:
                    bad = [done.stderr] if got is None else differences(compare, graph, got, want)
            if bad:
                failures += 1
                print("%s: %s" % (name, "; ".join(bad)[:700]))
    print("%d edges, %d failures" % (count, failures))
    return 1 if failures or count < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
