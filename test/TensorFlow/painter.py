# A naive painter of TensorFlow graphs: what TensorFlow's pass auto_mixed_precision
# makes of a GraphDef, written from its description in plain Python, with sets and
# one walk after the other. Nothing of Amp's sources is in it; amp-opt is compared
# with it (random_graphs.py), and it with TensorFlow's recorded answers.
#
# Graphs are dicts as in the proto3 JSON form of a GraphDef.

import base64
import gzip
import json
import marshal
import re

SUFFIX = {"half": "CastToFp16", "bfloat16": "CastToBf16", "float": "CastToFp32"}


def words(text):
    return set(text.replace(",", " ").split())


ALLOW = words("Conv2D Conv2DBackpropFilter Conv2DBackpropInput Einsum MatMul")
ALLOW_GPU = words("""BlockLSTM BlockLSTMV2 BlockLSTMGrad BlockLSTMGradV2 CudnnRNN CudnnRNNBackprop CudnnRNNBackpropV2
    CudnnRNNBackpropV3 CudnnRNNV2 CudnnRNNV3 FusedConv2DBiasActivation FusedSparseConvGpuV2 GRUBlockCell GRUBlockCellGrad
    LSTMBlockCell LSTMBlockCellGrad Mha MhaV2 Tmlp TmlpV2 TmlpV3 Pmlp FastUnsortedSegmentMax VoxelMax""")
ALLOW_BATCH = words("BatchMatMul BatchMatMulV2")
ALLOW_3D = words("Conv3D Conv3DBackpropFilter Conv3DBackpropFilterV2 Conv3DBackpropInput Conv3DBackpropInputV2")
ALLOW_DEPTHWISE = words("""DepthwiseConv2dNative DepthwiseConv2dNativeBackpropFilter
    DepthwiseConv2dNativeBackpropInput""")
ALLOW_BF16 = ALLOW | ALLOW_BATCH | ALLOW_DEPTHWISE | words(
    "Conv3D Conv3DBackpropFilterV2 Conv3DBackpropInputV2 FusedPadConv2D")
INFER = words("""Add AddN AddV2 AvgPool AvgPool3D AvgPool3DGrad AvgPoolGrad BiasAdd BiasAddGrad BiasAddV1 Elu EluGrad Erf
    Erfc FloorDiv FusedBatchNormV2 FusedBatchNormGradV2 FusedBatchNormV3 FusedBatchNormGradV3 _FusedBatchNormEx Inv
    LeakyRelu LeakyReluGrad Log Log1p LogSoftmax Mul Prod RealDiv Reciprocal Selu SeluGrad Sigmoid SigmoidGrad Softmax
    Softplus SoftplusGrad Softsign SoftsignGrad Sqrt Sub Tanh TanhGrad""")
INFER_BF16 = INFER | words("Mean Rsqrt Square SquaredDifference Sum")
DENY_BF16 = words("""Exp Expm1 L2Loss Pow SaveV2 SoftmaxCrossEntropyWithLogits
    SparseSoftmaxCrossEntropyWithLogits""")
DENY = DENY_BF16 | words("Mean Sum")
CLEAR = words("""Abs ArgMax ArgMin BatchToSpace BatchToSpaceND BroadcastTo Ceil CheckNumerics ClipByValue Concat ConcatV2
    DepthToSpace DynamicPartition DynamicStitch Enter EnsureShape Equal Exit ExpandDims Fill Floor Gather GatherNd GatherV2
    Greater GreaterEqual Identity IdentityN IsFinite IsInf IsNan Less LessEqual Max MaxPool MaxPool3D MaxPool3DGrad
    MaxPool3DGradGrad MaxPoolGrad MaxPoolGradGrad MaxPoolGradGradV2 MaxPoolGradV2 MaxPoolV2 Maximum Merge Min Minimum
    MirrorPad MirrorPadGrad Neg NextIteration NotEqual OneHot OnesLike Pack Pad PadV2 PreventGradient Rank Relu Relu6
    Relu6Grad ReluGrad Reshape ResizeNearestNeighbor ResizeNearestNeighborGrad Reverse ReverseSequence ReverseV2 Round Select
    SelectV2 Shape ShapeN Sign Size Slice Snapshot SpaceToBatch SpaceToBatchND SpaceToDepth Split SplitV Squeeze StopGradient
    StridedSlice StridedSliceGrad Switch Tile TopK TopKV2 Transpose Unpack Where ZerosLike TensorListConcat
    TensorListConcatLists TensorListConcatV2 TensorListGather TensorListGetItem TensorListPopBack TensorListPushBack
    TensorListPushBackBatch TensorListFromTensor TensorListScatter TensorListScatterV2 TensorListScatterIntoExistingList
    TensorListSetItem TensorListSplit TensorListStack""")
CLEAR_BF16 = CLEAR - words("MaxPool3DGradGrad OneHot Size") | words("ResizeBilinear ScatterNd StatelessWhile While")

LIST_SOURCES_AND_SINKS = words("""_Arg _Retval OptionalFromValue OptionalGetValue PartitionedCall Placeholder
    StatefulPartitionedCall""")
LIST_READERS = words("""TensorListConcat TensorListConcatV2 TensorListGather TensorListGetItem TensorListPopBack
    TensorListStack""")
LIST_WRITERS = words("""TensorListFromTensor TensorListPushBack TensorListPushBackBatch TensorListScatter
    TensorListScatterV2 TensorListScatterIntoExistingList TensorListSetItem TensorListSplit""")


# Ops with 16-bit kernels for every device.
EVERYWHERE = words("""EnsureShape Enter Exit ExpandDims Identity IdentityN Merge NextIteration PreventGradient Rank Reshape
    Shape ShapeN Size Squeeze StatelessWhile StopGradient Switch While""")
# Ops whose types and functions are compared behind the pass.
REGIONAL = words("If StatelessIf Case StatelessCase While StatelessWhile For")


class PassError(Exception):
    """What TensorFlow's pass answers with an error."""


def type_word(text):
    return text[3:].lower()


def clone(graph):
    """A deep copy of what JSON can hold, many times faster than deepcopy."""
    return marshal.loads(marshal.dumps(graph))


def load_opdefs(path):
    with gzip.open(path, "rt", encoding="utf-8") as f:
        ops = json.load(f)["ops"]
    # The one thing that TensorFlow's registry says otherwise (with_tensorflow.py looks).
    for op in ("SpaceToDepth", "DepthToSpace"):
        for key in ("half_cpu", "bf16_cpu"):
            ops[op][key] = {"T": [{"data_format": ["NHWC"]}]}
    return ops


def default_case(**changes):
    case = {"fetches": [], "feeds": [], "keep": [], "mode": "fp16", "env": {},
            "cluster": {"gpu": True, "arch": "8.0", "cuda": "12030", "cudnn": "8907"}}
    case.update(changes)
    return case


# ---------------------------------------------------------------- op lists


def op_lists(case):
    mode, env, cluster = case["mode"], case.get("env", {}), case.get("cluster", {"gpu": True})
    level = env.get("LEVEL", "").upper()
    low = mode == "bf16"
    if low:
        lists = {"ALLOW": set(ALLOW_BF16), "INFER": set(INFER_BF16), "DENY": set(DENY_BF16), "CLEAR": set(CLEAR_BF16)}
    else:
        cuda, cudnn = int(cluster.get("cuda") or 0), int(cluster.get("cudnn") or 0)
        if not cluster.get("gpu"):
            cuda, cudnn = 11050, 8302
        if mode == "cpu_fp16":
            cuda, cudnn = 10000, 8000
        allow = ALLOW | ALLOW_GPU
        if cuda >= 9010:
            allow = allow | ALLOW_BATCH
        if cudnn >= 7602:
            allow = allow | ALLOW_3D
        if cudnn >= 8000:
            allow = allow | ALLOW_DEPTHWISE
        lists = {"ALLOW": set(allow), "INFER": set(INFER), "DENY": set(DENY), "CLEAR": set(CLEAR)}
    cores_only = level == "TENSOR_CORES_ONLY" and not low
    if cores_only:
        lists = {"ALLOW": lists["ALLOW"], "INFER": set(), "DENY": set(), "CLEAR": set()}
    old = {"ALLOW": "WHITE", "INFER": "GRAY", "DENY": "BLACK"}
    for key, ops in lists.items():
        if cores_only and key != "ALLOW":
            continue
        for stem in (key, old.get(key)):
            if stem:
                ops |= {x for x in env.get(stem + "LIST_ADD", "").split(",") if x}
                ops -= {x for x in env.get(stem + "LIST_REMOVE", "").split(",") if x}
    if level == "TREAT_INFER_AS_DENY":
        lists["DENY"] |= lists["INFER"]
        lists["INFER"] = set()
    seen = set()
    for ops in lists.values():
        if seen & ops:
            raise PassError("Op lists have conflicting entries")
        seen |= ops
    return lists


# ---------------------------------------------------------------- typing


def signature_of(function):
    """The op definition that a call of a library function has."""
    s = function["signature"]

    def arg(a):
        out = {"name": a["name"]}
        if a.get("typeListAttr"):
            out["type_list_attr"] = a["typeListAttr"]
        elif a.get("typeAttr"):
            out["type_attr"] = a["typeAttr"]
        else:
            out["type"] = type_word(a["type"])
        if a.get("numberAttr"):
            out["number_attr"] = a["numberAttr"]
        return out

    attrs = {a["name"]: {"type": a["type"]} for a in s.get("attr", [])}
    return {"inputs": [arg(a) for a in s.get("inputArg", [])], "outputs": [arg(a) for a in s.get("outputArg", [])],
            "attrs": attrs, "stateful": bool(s.get("isStateful")), "is_function": True}


def number_of(node, name, spec):
    """How many ports a number attribute gives."""
    value = node.get("attr", {}).get(name)
    if value is None and "default" not in spec["attrs"].get(name, {}):
        raise PassError("Attribute %s is not present in node %s" % (name, node["name"]))
    return int(spec["attrs"][name]["default"] if value is None else value["i"])


def attr_types(node, name, spec=None):
    value = node.get("attr", {}).get(name)
    if value is None:
        # What the file leaves out has its default.
        default = (spec or {"attrs": {}})["attrs"].get(name, {}).get("default")
        return default if default is None or isinstance(default, list) else [default]
    if "type" in value:
        return [type_word(value["type"])]
    if "list" in value:
        return [type_word(t) for t in value["list"].get("type", [])]
    return None


def expand(node, args, spec):
    """A vertex key for each port: (attribute, index or -1, fixed type)."""
    ports = []
    for a in args:
        if "type_list_attr" in a:
            types = attr_types(node, a["type_list_attr"], spec)
            if types is None:
                raise PassError("Type attribute %s is not present in node %s" % (a["type_list_attr"], node["name"]))
            ports += [(a["type_list_attr"], i, "") for i in range(len(types))]
            continue
        key = (a["type_attr"], -1, "") if "type_attr" in a else ("", -1, a["type"])
        if key[0] and attr_types(node, key[0], spec) is None:
            raise PassError("Type attribute %s is not present in node %s" % (key[0], node["name"]))
        count = number_of(node, a["number_attr"], spec) if "number_attr" in a else 1
        ports += [key] * count
    return ports


class Node:
    def __init__(self, data, spec):
        self.data, self.name, self.op, self.spec = data, data["name"], data["op"], spec
        self.inputs = expand(data, spec["inputs"], spec)
        self.outputs = expand(data, spec["outputs"], spec)
        self.keys = []
        for attr in data.get("attr", {}):
            if not attr.startswith("_") and attr not in spec["attrs"]:
                raise PassError("AttrDef not found for attribute %s of node %s" % (attr, self.name))
        for key in self.inputs + self.outputs:
            if key not in self.keys:
                self.keys.append(key)
        for name, attr in spec["attrs"].items():
            if name.startswith("_") or attr["type"] not in ("type", "list(type)"):
                continue
            types = attr_types(data, name, spec)
            if types is None:
                continue
            single = attr["type"] == "type"
            for i in range(len(types)):
                key = (name, -1 if single else i, "")
                if key not in self.keys:
                    self.keys.append(key)

    def type_of(self, key):
        attr, index, fixed = key
        return fixed if not attr else attr_types(self.data, attr, self.spec)[max(index, 0)]


# ---------------------------------------------------------------- devices


PIECES = re.compile(r"""/job:(?:\*|[A-Za-z]\w*) | /(?:replica|task):(?:\*|[0-9]+)
    | /device:(?P<type>\*|[A-Za-z]\w*)(?P<id>:(?:\*|[0-9]+))? | /(?P<old>cpu|CPU|gpu|GPU):(?P<old_id>\*|[0-9]+)""",
                    re.X | re.A)


def device_kind(text):
    """The type where the name is one of one device, else nothing."""
    if text in ("", "/"):
        return ""
    at, found = 0, ("*", "*")
    while at < len(text):
        piece = PIECES.match(text, at)
        if not piece:
            raise PassError("Unable to parse %s as a device name" % text)
        at = piece.end()
        if piece["type"]:
            found = piece["type"], (piece["id"] or ":*")[1:]
        elif piece["old"]:
            found = piece["old"].upper(), piece["old_id"]
    return "" if "*" in found else found[0]


def fast_arch(text):
    """Whether the first two numbers are at least 7.0."""
    numbers = []
    for word in (text or "").split(".")[:2]:
        if not re.fullmatch(r"\s*[+-]?[0-9]+\s*", word, re.A):
            return False
        numbers.append(int(word))
    return tuple(numbers + [0])[:2] >= (7, 0)


# ---------------------------------------------------------------- one item: the main graph or a body


class Painting:
    def __init__(self, nodes, library, opdefs, case, version, preserved, in_function):
        self.case, self.version, self.opdefs = case, version, opdefs
        self.lists = op_lists(case)
        self.target = "bfloat16" if case["mode"] == "bf16" else "half"
        self.level = case.get("env", {}).get("LEVEL", "").upper()
        self.library = library
        env, cluster = case.get("env", {}), case.get("cluster", {"gpu": True})
        simulate = env.get("SIMULATE_GPU") in ("1", "true")
        has_gpu = bool(cluster.get("gpu")) or simulate
        arch = cluster.get("arch") if cluster.get("gpu") else "8.0"
        suitable = case["mode"] != "fp16" or env.get("IGNORE_PERFORMANCE") in ("1", "true") or fast_arch(arch)
        wanted = "gpu" if case["mode"] == "fp16" else "cpu"
        self.kernels = ("half_" if self.target == "half" else "bf16_") + wanted
        self.nodes, self.by_name, self.processable = [], {}, {}
        self.op_changed = {}
        for data in nodes:
            op, spec = data["op"], self.spec(data["op"])
            device = device_kind(data.get("device", ""))
            if not data.get("device"):
                device = "gpu" if has_gpu else "cpu"
            kept = data["name"] in preserved or data.get("attr", {}).get("_grappler_do_not_remove", {}).get("b", False)
            # Placeholders of the main graph are fed.
            kept = kept or not in_function and op in ("Placeholder", "PlaceholderV2")
            kept = kept or in_function and (spec["stateful"] or "Dataset" in op)
            process = not kept and wanted in device.lower() and suitable
            if process and op in ("FusedBatchNorm", "FusedBatchNormGrad"):
                data["op"] = op + "V2"
                data["attr"]["U"] = {"type": "DT_FLOAT"}
                self.op_changed[data["name"]] = [op, data["op"]]
                spec = self.spec(data["op"])
            node = Node(data, spec)
            real = [s for s in data.get("input", []) if not s.startswith("^")]
            if len(real) != len(node.inputs):
                raise PassError("Expected %s node %s to have %d non-control input(s), but got %d" %
                                (data["op"], data["name"], len(node.inputs), len(real)))
            node.sources = []
            for s in real:
                source, _, port = s.partition(":")
                node.sources.append((source, int(port or 0)))
            self.nodes.append(node)
            self.by_name[node.name] = node
            self.processable[node.name] = process
        self.connect()
        self.check_circles()

    def spec(self, op):
        if op in self.opdefs:
            return self.opdefs[op]
        if op in self.library:
            return self.library[op]
        raise PassError("Op type not registered '%s'" % op)

    def connect(self):
        """Edges between vertices; a vertex is (node name, key)."""
        self.order = [(n.name, k) for n in self.nodes for k in n.keys]
        self.fanin = {v: [] for v in self.order}
        self.fanout = {v: [] for v in self.order}
        self.users = {}
        for n in self.nodes:
            for i, (source, port) in enumerate(n.sources):
                if source not in self.by_name:
                    raise PassError("Non-existent input %s in node %s" % (source, n.name))
                self.users.setdefault((source, port), []).append((n.name, i))
                if port >= len(self.by_name[source].outputs):
                    raise PassError("%s has no output %d" % (source, port))
                self.edge((source, self.by_name[source].outputs[port]), (n.name, n.inputs[i]))

    def check_circles(self):
        """Only loops go in circles, from NextIteration to Merge."""
        waits = {n.name: {s.lstrip("^").partition(":")[0] for s in n.data.get("input", [])} & set(self.by_name)
                 for n in self.nodes}
        for n in self.nodes:
            if n.op in ("Merge", "RefMerge"):
                waits[n.name] = {s for s in waits[n.name]
                                 if self.by_name[s].op not in ("NextIteration", "RefNextIteration")}
        users = {}
        for name, sources in waits.items():
            for s in sources:
                users.setdefault(s, []).append(name)
        ready = [name for name, sources in waits.items() if not sources]
        for name in ready:
            for user in users.get(name, []):
                waits[user].discard(name)
                if not waits[user]:
                    ready.append(user)
        if len(ready) < len(waits):
            raise PassError("The graph couldn't be sorted in topological order.")

    def edge(self, a, b):
        if b not in self.fanout[a]:
            self.fanout[a].append(b)
            self.fanin[b].append(a)

    # What a vertex is.
    def op(self, v):
        return self.by_name[v[0]].op

    def on(self, v, name):
        return self.op(v) in self.lists[name]

    def dtype(self, v):
        return self.by_name[v[0]].type_of(v[1])

    def can_process(self, v):
        return self.processable[v[0]]

    def allows_type(self, v):
        attr, _, fixed = v[1]
        if self.by_name[v[0]].spec.get("is_function"):
            return False
        if not attr:
            return fixed == self.target
        allowed = self.by_name[v[0]].spec["attrs"][attr].get("allowed")
        return not allowed or self.target in allowed

    def has_kernel(self, v):
        attr, node = v[1][0], self.by_name[v[0]]
        if not attr:
            return True
        # XLA's devices and those of plugins have what every device has.
        if device_kind(node.data.get("device", "")) not in ("", "CPU", "GPU"):
            return node.op in EVERYWHERE or node.op.startswith("TensorList")
        answer = node.spec.get(self.kernels, {}).get(attr, False)
        if isinstance(answer, bool):
            return answer
        return any(all(self.value_in(node, k, admitted) for k, admitted in entry.items()) for entry in answer)

    def value_in(self, node, attr, admitted):
        types = attr_types(node.data, attr) if attr in node.spec["attrs"] else None
        if types is not None:
            return all(t in admitted for t in types)
        value = node.data.get("attr", {}).get(attr)
        if value is not None and "s" in value:
            return base64.b64decode(value["s"]).decode() in admitted
        # A kernel may name an attribute that the op has not: it never fits.
        return node.spec["attrs"].get(attr, {}).get("default") in admitted

    def supports(self, v):
        return self.allows_type(v) and self.has_kernel(v)

    def walk(self, root, enter, directions, met):
        """Everything reached from root: entered when the predicate says so."""
        stack, seen = [root], set()
        while stack:
            v = stack.pop()
            if v in seen or v != root and not enter(v):
                continue
            seen.add(v)
            met(v)
            for edges in directions:
                stack += edges[v]

    # Tensor lists.
    def float_key(self, node):
        if "TensorList" in node.op:
            for key in node.keys:
                if key[0] and key[1] < 0 and node.type_of(key) == "float":
                    return key
        return None

    def find_clusters(self):
        clusters = []
        for v in self.order:
            node = self.by_name[v[0]]
            key = self.float_key(node)
            if not self.can_process(v) or v[1] != ("", -1, "variant") or key is None:
                continue
            members, unsafe = [], []

            def met(u):
                other = self.by_name[u[0]]
                if self.float_key(other) is not None:
                    members.append((u[0], self.float_key(other)))
                    if not self.can_process(u):
                        unsafe.append(u)
                if other.op in LIST_SOURCES_AND_SINKS or other.op in self.library:
                    unsafe.append(u)

            self.walk(v, lambda u: self.dtype(u) == "variant", (self.fanin, self.fanout), met)
            if unsafe:
                self.deny.add((v[0], key))
            clusters.append(members)
        edges = []
        for members in clusters:
            for name, key in members:
                node = self.by_name[name]
                if node.op not in LIST_READERS or not self.processable[name]:
                    continue

                def writer(u):
                    other = self.by_name[u[0]]
                    if other.op in LIST_WRITERS:
                        k = self.float_key(other)
                        if k is None:
                            raise PassError("a list written by %s and read by %s as float" % (u[0], name))
                        edges.append(((u[0], k), (name, key)))

                self.walk((name, ("", -1, "variant")), lambda u: self.dtype(u) == "variant" and self.can_process(u),
                          (self.fanin,), writer)
        for a, b in edges:
            if a != b:
                self.edge(a, b)
        return clusters

    def match_clusters(self, clusters):
        for members in clusters:
            if any(m in self.deny for m in members):
                self.deny.update(members)
                self.allow.difference_update(members)
            elif any(m in self.allow for m in members):
                self.allow.update(members)

    # The passes.
    def can_be_forced(self, node):
        spec = node.spec
        refs = any(a.get("is_ref") for a in spec["inputs"] + spec["outputs"])
        return not (node.op in ("Const", "SoftmaxCrossEntropyWithLogits") or spec["stateful"] or refs or
                    spec.get("is_function"))

    def reads_variable(self, node):
        if node.op not in ("Identity", "Enter") or not node.sources:
            return False
        source = self.by_name[node.sources[0][0]]
        if node.op == "Identity":
            return source.op in ("Variable", "VariableV2")
        return source.op in ("Identity", "Enter") and self.reads_variable(source)

    def paint(self):
        self.allow, self.deny = set(), set()
        force = self.level == "UNSAFE_FORCE_ALL"
        if force and self.case["mode"] == "bf16":
            raise PassError("LEVEL cannot be set to UNSAFE_FORCE_ALL when oneDNN is used")
        clusters = self.find_clusters()
        # 1
        for v in self.order:
            if self.can_process(v) and (self.on(v, "ALLOW") or force and self.can_be_forced(self.by_name[v[0]])):
                self.allow.add(v)
        if not self.allow:
            return
        # 2
        if not force:
            up = set()
            for v in self.order:
                if self.on(v, "DENY") or self.on(v, "INFER"):
                    self.walk(v, lambda u: self.on(u, "CLEAR"), (self.fanin,), up.add)
            for v in self.order:
                if self.on(v, "DENY") and v not in self.deny:
                    self.walk(v, lambda u: u in up and u not in self.deny, (self.fanout,), self.deny.add)
        self.match_clusters(clusters)
        # 3
        down = set()
        roots = [v for v in self.order if self.can_process(v) and self.on(v, "ALLOW")]
        for v in roots:
            self.walk(v, lambda u: not self.on(u, "ALLOW") and u not in self.deny and self.can_process(u) and
                      self.dtype(u) == "float" and self.supports(u) and (self.on(u, "CLEAR") or self.on(u, "INFER")),
                      (self.fanout,), down.add)
        for v in roots:
            self.walk(v, lambda u: u in down, (self.fanin,), self.allow.add)
        # 4
        if self.version != "2.19" or self.case["mode"] == "bf16":
            for v in self.order:
                if (self.can_process(v) and self.on(v, "INFER") and self.dtype(v) == "float" and v not in self.deny and
                        v not in self.allow and self.allows_type(v) and
                        any(u in self.allow for u in self.fanin[v]) and
                        not any(u in self.deny for u in self.fanin[v])):
                    self.allow.add(v)
        # 5
        for v in self.order:
            if self.can_process(v) and v in self.allow:
                self.walk(v, lambda u: u not in self.allow and u not in self.deny and self.can_process(u) and
                          self.dtype(u) == "float" and self.supports(u) and self.on(u, "CLEAR") and
                          not self.reads_variable(self.by_name[u[0]]), (self.fanin, self.fanout), self.allow.add)
        # 6
        for v in self.order:
            if v in self.allow and self.on(v, "ALLOW"):
                node = self.by_name[v[0]]
                quantized = any(re.match("q(u)?int", node.type_of(k)) for k in node.keys)
                if quantized or not self.allows_type(v):
                    self.allow.discard(v)
        self.match_clusters(clusters)
        # loops
        for n in self.nodes:
            if n.op != "NextIteration":
                continue
            me = (n.name, n.outputs[0])
            merges = []
            for user, i in self.users.get((n.name, 0), []):
                merge = self.by_name[user]
                if merge.op != "Merge":
                    raise PassError("Expected Merge node after NextIteration, got " + merge.op)
                merges.append((user, merge.outputs[0]))
            if any(m not in self.allow for m in merges):
                self.allow.difference_update(merges)
                self.allow.discard(me)
            else:
                self.allow.add(me)
        # existing casts
        for n in self.nodes:
            v = (n.name, ("DstT", -1, ""))
            if (n.op == "Cast" and self.dtype(v) == "float" and self.fanout[v] and
                    all(u in self.allow for u in self.fanout[v])):
                self.allow.add(v)

    # ---------------------------------------------------------------- what comes out

    def rewrite(self):
        """Changes the nodes' attributes and inputs; returns the new casts by source name, in the order they are made."""
        emulate = self.case["mode"] == "cpu_fp16" and self.case.get("env", {}).get("EMULATE_FP16", "1") not in ("0", "false")
        names = set(self.by_name)
        casts = {}
        changes = []
        for n in self.nodes:
            for key in n.keys:
                if (n.name, key) in self.allow and n.type_of(key) == "float":
                    if not key[0] and not emulate:
                        raise PassError("Failed to set type attribute")
                    if n.op in REGIONAL and not emulate:
                        raise PassError("MLIR Graph Optimizer failed: %s and its functions" % n.name)
                    changes.append((n, key))

        def make(source, text, src, dst):
            """A cast of `name:port`, which `source` computes, if need be through other casts."""
            stem = text.replace(":", "-") + "-" + SUFFIX[dst] + "-"
            k = 0
            while "%s%d-AutoMixedPrecision" % (stem, k) in names:
                k += 1
            cast = {"name": "%s%d-AutoMixedPrecision" % (stem, k), "op": "Cast", "input": [text],
                    "attr": {"SrcT": {"type": "DT_" + src.upper()}, "DstT": {"type": "DT_" + dst.upper()},
                             "Truncate": {"b": False}}}
            if source.data.get("device"):
                cast["device"] = source.data["device"]
            names.add(cast["name"])
            casts.setdefault(source.name, []).append(cast)
            return cast["name"]

        rewired = {}
        for n in self.nodes:
            for port, key in enumerate(n.outputs):
                if n.type_of(key) != "float":
                    continue
                low = (n.name, key) in self.allow
                text, users = "%s:%d" % (n.name, port), self.users.get((n.name, port), [])
                if emulate and low and users:
                    rounded = make(n, text, "float", "half")
                    rewired.update((user, rounded) for user in users)
                    text = rounded + ":0"
                cast = None
                for user, i in users:
                    if ((user, self.by_name[user].inputs[i]) in self.allow) == low:
                        continue
                    if cast is None:
                        cast = make(n, text, *((self.target, "float") if low else ("float", self.target)))
                    rewired[user, i] = cast
        for n in self.nodes:
            index = [k for k, s in enumerate(n.data.get("input", [])) if not s.startswith("^")]
            for i, where in enumerate(index):
                if (n.name, i) in rewired:
                    n.data["input"][where] = rewired[n.name, i]
                if emulate and (n.name, n.inputs[i]) in self.allow and n.type_of(n.inputs[i]) == "float":
                    text = n.data["input"][where]
                    source = self.by_name[n.sources[i][0]]
                    n.data["input"][where] = make(source, text if ":" in text else text + ":0", "half", "float")
        if not emulate:
            for n, (attr, index, _) in changes:
                value = n.data.setdefault("attr", {}).setdefault(attr, {})
                if index < 0:
                    value["type"] = "DT_" + self.target.upper()
                else:
                    value["list"]["type"][index] = "DT_" + self.target.upper()
        return casts


# ---------------------------------------------------------------- functions


def calls_of(node):
    found = []

    def look(value):
        if "func" in value:
            found.append(value["func"]["name"])
            for inner in value["func"].get("attr", {}).values():
                look(inner)
        for f in (value.get("list") or {}).get("func", []):
            found.append(f["name"])

    for value in node.get("attr", {}).values():
        look(value)
    return [node["op"]] + found


def reachable(graph, functions):
    """What is called, and what computes the gradients of that."""
    gradients = {g["functionName"]: g["gradientFunc"] for g in graph.get("library", {}).get("gradient", [])}
    seen, stack = [], list(graph["node"])
    while stack:
        node = stack.pop()
        for name in calls_of(node):
            while name in functions and name not in seen:
                seen.append(name)
                stack += functions[name].get("nodeDef", [])
                name = gradients.get(name)
    return seen


def optimized(graph, functions):
    """The functions that are optimized, each for itself."""
    reached = reachable(graph, functions)
    nodes = graph["node"] + [n for name in reached for n in functions[name].get("nodeDef", [])]
    if any(n["op"] in ("TPUCompile", "TPUPartitionedCall") for n in nodes):
        return []
    compiled = [n["attr"]["function"]["func"]["name"] for n in nodes if n["op"] == "XlaLaunch"]
    for name in compiled:
        for n in functions[name].get("nodeDef", []):
            compiled += {v["func"]["name"] for v in n.get("attr", {}).values() if "func" in v} - set(compiled)
    marked = lambda f: f.get("attr", {}).get("_tf_data_function", {}).get("b", False)
    return [name for name in reached if name not in compiled and not marked(functions[name])]


def flat_body(function, library, opdefs):
    """The body with `node:port` inputs, arguments and results as nodes."""
    nodes, offsets = [], {}
    s = function["signature"]
    for a in s.get("inputArg", []):
        nodes.append({"name": a["name"], "op": "_Arg", "attr": {"T": {"type": a["type"]}}})
    arguments = {n["name"] for n in nodes}
    for data in function.get("nodeDef", []):
        spec = opdefs.get(data["op"]) or library.get(data["op"])
        offsets[data["name"]] = {}
        if spec is None:
            raise PassError("Op type not registered '%s'" % data["op"])
        at = 0
        for out in spec["outputs"]:
            offsets[data["name"]][out["name"]] = at
            at += len(expand(data, [out], spec))

    def flat(text):
        parts = text.split(":")
        if text.startswith("^") or parts[0] in arguments:
            return parts[0]
        return "%s:%d" % (parts[0], offsets[parts[0]][parts[1]] + int(parts[2] if len(parts) > 2 else 0))

    for data in function.get("nodeDef", []):
        nodes.append(dict(clone(data), input=[flat(x) for x in data.get("input", [])]))
    for out in s.get("outputArg", []):
        nodes.append({"name": "=" + out["name"], "op": "_Retval", "input": [flat(function["ret"][out["name"]])],
                      "attr": {"T": {"type": out["type"]}}})
    return nodes, offsets


def rewrite_function(function, library, opdefs, case, version):
    nodes, offsets = flat_body(function, library, opdefs)
    names = {a["name"] for a in function["signature"].get("inputArg", [])}
    spelled = {d["name"]: d.get("input", []) for d in function.get("nodeDef", [])}
    kept = set(function.get("controlRet", {}).values()) | names | {n["name"] for n in nodes if n["op"] == "_Retval"}
    p = Painting(nodes, library, opdefs, case, version, kept, True)
    before = {n["name"]: list(n.get("input", [])) for n in nodes}
    p.paint()
    casts = p.rewrite()
    made = {c["name"] for some in casts.values() for c in some}

    def named(text):
        """`node:port` as a body writes it."""
        name, _, port = text.partition(":")
        if name in names:
            return name
        if name in made:
            return name + ":y:0"
        # The last of those that start there: the others are empty.
        best = max(((at, out) for out, at in reversed(offsets[name].items()) if at <= int(port or 0)), key=lambda x: x[0])
        return "%s:%s:%d" % (name, best[1], int(port or 0) - best[0])

    for some in casts.values():
        for c in some:
            c["input"] = [named(c["input"][0])]
    result = dict(function, nodeDef=[])
    for name in names:
        result["nodeDef"] += casts.get(name, [])
    ret = dict(function.get("ret", {}))
    for n in p.nodes:
        if n.op == "_Arg":
            continue
        changed = [named(a) if a != b and not a.startswith("^") else None
                   for a, b in zip(n.data.get("input", []), before[n.name])]
        if n.op == "_Retval":
            if changed[0]:
                ret[n.name[1:]] = changed[0]
            continue
        if n.data.get("input"):
            n.data["input"] = [a or b for a, b in zip(changed, spelled[n.name])]
        else:
            n.data.pop("input", None)
        result["nodeDef"] += [n.data] + casts.get(n.name, [])
    if "ret" in function:
        result["ret"] = ret
    return result, p


def rewrite_graph(graph, case, opdefs, version="2.21"):
    """The rewritten graph, or PassError. Also the paintings, for the curious."""
    env, cluster = case.get("env", {}), case.get("cluster", {"gpu": True})
    if case["mode"] == "fp16":
        simulate = env.get("SIMULATE_GPU") in ("1", "true")
        ignore = env.get("IGNORE_PERFORMANCE") in ("1", "true")
        usable = cluster.get("gpu") and (ignore or fast_arch(cluster.get("arch")))
        if not usable and not simulate:
            return clone(graph), []
    functions = {f["signature"]["name"]: f for f in graph.get("library", {}).get("function", [])}
    library = {k: signature_of(f) for k, f in functions.items()}
    out = clone(graph)
    preserved = {x.lstrip("^").split(":")[0] for k in ("fetches", "feeds", "keep") for x in case.get(k, [])}
    p = Painting(out["node"], library, opdefs, case, version, preserved, False)
    p.paint()
    casts = p.rewrite()
    nodes = []
    for n in p.nodes:
        nodes += [n.data] + casts.get(n.name, [])
    out["node"] = nodes
    paintings = [p]
    reached = optimized(graph, functions)
    for i, f in enumerate(out.get("library", {}).get("function", [])):
        if f["signature"]["name"] in reached:
            out["library"]["function"][i], p = rewrite_function(f, library, opdefs, case, version)
            paintings.append(p)
    return out, paintings
