"""The rules of docs/Algorithm.md as statements about paths, asked of one vertex at a
time: for the random tests of this folder.
"""


class Graph:
    """Vertices are any names. `can`: the group is float32; `supported`: its op can have
    the target type. Tied vertices take one colour."""

    def __init__(self):
        self.vertices, self.lists, self.can, self.supported = [], {}, {}, {}
        self.edges, self.ties = set(), []

    def add(self, vertex, on_list, can=True, supported=True):
        if vertex not in self.lists:
            self.vertices.append(vertex)
            self.lists[vertex], self.can[vertex], self.supported[vertex] = on_list, True, supported
        self.can[vertex] &= can

    def clusters(self):
        """The ties as sets, by their members."""
        found = {}
        for a, b in self.ties:
            merged = found.get(a, {a}) | found.get(b, {b})
            for v in merged:
                found[v] = merged
        return found

    def paint(self, follow):
        """The vertices that are lowered."""
        vertices, lists, can, supported = self.vertices, self.lists, self.can, self.supported
        into = {v: {a for a, b in self.edges if b == v} for v in vertices}
        out = {v: {b for a, b in self.edges if a == v} for v in vertices}

        def leads(v, step, through, ends):
            """Whether a path from v over `through` comes to one of `ends`."""
            seen, todo = set(), [v]
            while todo:
                for w in step[todo.pop()]:
                    if w in ends:
                        return True
                    if w in through and w not in seen:
                        seen.add(w)
                        todo.append(w)
            return False

        def having(*names):
            return {v for v in vertices if lists[v] in names}

        clusters = self.clusters()
        denied, lowered = set(), set()

        def match_clusters():
            for cluster in clusters.values():
                if cluster & denied:
                    denied.update(cluster)
                    lowered.difference_update(cluster)
                elif cluster & lowered:
                    lowered.update(cluster)

        # R4's clusters with a member that cannot change, before R1.
        unsafe = set()
        for cluster in clusters.values():
            if any(not can[v] or not supported[v] for v in cluster):
                unsafe |= {v for v in cluster if can[v]}
        soft, clear = having("infer", "clear") - unsafe, having("clear")
        deny = having("deny") - unsafe
        # R2 and R3.
        denied |= unsafe | deny
        for v in soft:
            if leads(v, into, soft, deny) and (v in having("infer") or leads(v, out, clear, having("infer", "deny"))):
                denied.add(v)
        # R1.
        roots = {v for v in having("allow") if can[v]}
        lowered |= roots - unsafe
        match_clusters()
        # R5.
        bridge = {v for v in having("infer", "clear") if v not in denied and can[v] and supported[v]}
        lowered |= {v for v in bridge if leads(v, into, bridge, roots) and leads(v, out, bridge, roots)}
        # R6: each infer vertex behind those infer vertices that it reads.
        if follow:
            done = set()

            def sweep(v):
                if v in done:
                    return
                done.add(v)
                for w in into[v]:
                    if lists[w] == "infer":
                        sweep(w)
                if can[v] and supported[v] and v not in denied and into[v] & lowered and not into[v] & denied:
                    lowered.add(v)

            for v in vertices:
                if lists[v] == "infer":
                    sweep(v)
        # R7.
        spread = {v for v in clear if v not in denied and can[v] and supported[v]}
        both = {v: into[v] | out[v] for v in vertices}
        lowered |= {v for v in spread if leads(v, both, spread, set(lowered))}
        # R8: an allow op that cannot have the type has served as a root.
        lowered -= {v for v in lowered if not supported[v]}
        match_clusters()
        return lowered
