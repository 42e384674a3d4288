# Which nodes of a function run in 16 bits, by the definitions rather than by an
# algorithm: each rule of the painting is a question about paths, and each
# question is answered by trying all of them. Slow, obvious, and independent of
# lib/Analysis: the two are compared on random graphs.

from op_table import LOSSES, forward_of, infer, is_known, operand_in_group, result_in_group

LOW = ("float16", "bfloat16")


def split_ref(ref):
    """'n:1' -> ('n', 1)"""
    name, colon, index = ref.rpartition(":")
    return (name, int(index)) if colon else (ref, 0)


class Function:
    """A function of a parsed graph file, with the types of all its values."""

    def __init__(self, file, function):
        self.file = file
        self.json = function
        self.nodes = {n["name"]: n for n in function.get("nodes", [])}
        self.types = {}
        for variable in file.get("variables", []):
            self.types[(variable["name"], 0)] = (variable["dtype"], list(variable["shape"]))
        for value in function.get("inputs", []):
            self.types[(value["name"], 0)] = (value["dtype"], list(value["shape"]))
        self.order = self.topological()
        for name in self.order:
            node = self.nodes[name]
            if not is_known(node["op"]):
                results = [(t["dtype"], list(t["shape"])) for t in node["types"]]
            else:
                results = infer(node["op"], self.operand_types(node), node.get("attrs", {}))
            for i, result in enumerate(results):
                self.types[(name, i)] = result
        self.uses = {}
        for name in self.order:
            for i, ref in enumerate(self.nodes[name].get("inputs", [])):
                self.uses.setdefault(split_ref(ref), []).append((name, i))

    def operand_types(self, node):
        return [self.types[split_ref(ref)] for ref in node.get("inputs", [])]

    def result_types(self, name):
        out, i = [], 0
        while (name, i) in self.types:
            out.append(self.types[(name, i)])
            i += 1
        return out

    def topological(self):
        order, done = [], set()
        for root in self.nodes:
            stack = [(root, False)]
            while stack:
                name, leave = stack.pop()
                if leave:
                    if name not in done:
                        done.add(name)
                        order.append(name)
                    continue
                if name in done or name not in self.nodes:
                    continue
                stack.append((name, True))
                for ref in reversed(self.nodes[name].get("inputs", [])):
                    stack.append((split_ref(ref)[0], False))
        return order

    def outputs(self):
        """[(name, (node, index))]"""
        out = []
        for entry in self.json.get("outputs", []):
            if isinstance(entry, str):
                out.append((entry, split_ref(entry)))
            else:
                out.append((entry["name"], split_ref(entry["value"])))
        return out

    def group_dtype(self, name):
        """The element type of a node's type group, or None without one."""
        node = self.nodes[name]
        inputs = self.operand_types(node)
        for i, (dtype, _) in enumerate(inputs):
            if operand_in_group(node["op"], i, dtype, len(inputs)):
                return dtype
        for i, (dtype, _) in enumerate(self.result_types(name)):
            if result_in_group(node["op"], i, dtype):
                return dtype
        return None


def precision_pins(function, target):
    """node -> pinned type, forward nodes and the backward nodes they cause."""
    pins = {}
    for name, node in function.nodes.items():
        origin = function.nodes.get(node.get("origin", ""), {})
        pin = node.get("precision") or origin.get("precision")
        if pin:
            pins[name] = pin
    return pins


def paint(function, policy, target):
    """node -> the 16-bit type it runs in, for the nodes that are lowered."""
    nodes = [n for n in function.order if function.group_dtype(n) is not None]
    pins = precision_pins(function, target)
    other = LOW[1 - LOW.index(target)]
    output_nodes = {ref[0] for _, ref in function.outputs()}

    kind = {}
    processable = {}
    for n in nodes:
        op = function.nodes[n]["op"]
        kind[n] = policy.list_of(op)
        if forward_of(op) in LOSSES and kind[n] in ("allow", "infer", "clear"):
            kind[n] = "deny"
        processable[n] = function.group_dtype(n) == "float32"
        if policy.outputs == "node" and n in output_nodes:
            processable[n] = False
        if pins.get(n) == "float32":
            processable[n] = False
        elif pins.get(n) == target:
            kind[n] = "allow"
        elif pins.get(n) == other:
            kind[n] = "keep"
            processable[n] = False

    # Edges between groups: both ends of the value are in the group.
    inputs = {n: set() for n in nodes}
    for n in nodes:
        node = function.nodes[n]
        types = function.operand_types(node)
        for i, ref in enumerate(node.get("inputs", [])):
            source, index = split_ref(ref)
            if source not in kind:
                continue
            if (operand_in_group(node["op"], i, types[i][0], len(types)) and
                    result_in_group(function.nodes[source]["op"], index, types[i][0])):
                inputs[n].add(source)
    outputs = {n: {m for m in nodes if n in inputs[m]} for n in nodes}

    def reach(starts, edges, through):
        """Everything reached from `starts` over `edges`, entering only `through`."""
        found, todo = set(), list(starts)
        while todo:
            for m in edges[todo.pop()]:
                if m in through and m not in found:
                    found.add(m)
                    todo.append(m)
        return found

    # Pass 2: denied is what lies on a path from a deny op to a deny or infer op
    # through infer and clear ops.
    soft = {n for n in nodes if kind[n] in ("infer", "clear")}
    clear = {n for n in nodes if kind[n] == "clear"}
    deny_ops = {n for n in nodes if kind[n] == "deny"}
    after_deny = reach(deny_ops, outputs, soft)
    ends = {n for n in nodes if kind[n] in ("infer", "deny")}
    before_end = ends | reach(ends, inputs, clear)
    denied = deny_ops | (after_deny & before_end)

    # Passes 1 and 3: allow ops, and what lies between two of them.
    allow_ops = {n for n in nodes if kind[n] == "allow" and processable[n]}
    bridge = {n for n in soft if n not in denied and processable[n]}
    between = set()
    for n in bridge:
        if (reach([n], inputs, bridge | allow_ops) & allow_ops and
                reach([n], outputs, bridge | allow_ops) & allow_ops):
            between.add(n)
    lowered = allow_ops | between

    # Pass 4: infer ops that follow a lowered one.
    if policy.follow:
        for n in function.order:
            if (n in kind and kind[n] == "infer" and processable[n] and n not in denied
                    and n not in lowered):
                if inputs[n] & lowered and not inputs[n] & denied:
                    lowered.add(n)

    # Pass 5: clear ops take the type of what is lowered next to them.
    spread = {n for n in clear if n not in denied and processable[n]}
    both = {n: inputs[n] | outputs[n] for n in nodes}
    lowered |= reach(lowered, both, spread)

    result = {n: target for n in lowered}
    for n in nodes:
        if pins.get(n) == other and function.group_dtype(n) == "float32":
            result[n] = other
    return result


def retargeted_casts(function, lowered, target):
    """node -> 'retarget' or 'bypass', for the user's casts to float32 that change."""
    out = {}
    output_values = {ref for _, ref in function.outputs()}
    for name in function.order:
        node = function.nodes[name]
        if node["op"] != "cast" or node["attrs"]["to"] != "float32":
            continue
        users = function.uses.get((name, 0), [])
        if not users or (name, 0) in output_values:
            continue
        if not all(lowered.get(u) == target and
                   operand_in_group(function.nodes[u]["op"], i, "float32",
                                    len(function.nodes[u]["inputs"])) for u, i in users):
            continue
        source, index = split_ref(node["inputs"][0])
        dtype = function.types[(source, index)][0]
        if (source in lowered and dtype == "float32" and
                result_in_group(function.nodes[source]["op"], index, dtype)):
            dtype = lowered[source]
        out[name] = "bypass" if dtype == target else "retarget"
    return out
