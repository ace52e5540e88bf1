// Gradients of the messages of one chunk of edges, given that of m and w, [N, 4, F]. With g_i the gradient of m,
// h_i that of w, and A, s, a, b as forward:
//
//   dA = sum over the head's channels of g_i s       dscore = dA phi SiLU'(score)       dphi = sum over heads of dA SiLU(score)
//   ds = A g_i,  da = h_i . v_j,  db = h_i . d       dd = sum over channels of h_i b    dv_j = sum over i of h_i a
//   dq_i = sum over j of dscore k_j dk               dk_j = sum over i of dscore q_i dk  du_j = sum over i of (ds, da, db) dv
//   gradients of the filters: dscore q_i k_j for dk, (ds, da, db) u_j for dv, each times the activation's derivative
//
// Launch: edges takes a warp per (edge, head); the others a thread per (atom or edge, feature). Sums over the edges of an
// atom run in the order of the edges.
// Bound: the chunk's filters are read four times and written once in the second-level cache.

// dscore [edges, heads], and with `parts` the heads' shares of dphi and dd, [edges, heads, 4].
KERNEL(et_edge_gradients)(const T* nodes, const T* geometry, const T* filters, const T* bias, const T* grad,
                          const unsigned* sources, const unsigned* targets, const A* scores, A* dscore, A* parts,
                          unsigned atoms, unsigned edges, unsigned features, unsigned heads, unsigned basis,
                          unsigned has_key, unsigned has_value, unsigned first, unsigned end) {
    size_t job = thread_number() / WARP;
    if (job >= (size_t)(end - first) * heads) return; // the whole warp
    Shape shape = {atoms, edges, features, heads, basis, has_key, has_value};
    Nodes at(nodes, atoms, features);
    Geometry geo(geometry, edges, basis);
    Filters filter = {filters, bias, shape, first};
    unsigned edge = first + job / heads, head = job % heads, c = shape.channels(), lane = threadIdx.x % WARP;
    const T* u = at.u + sources[edge] * (size_t)(3 * features);
    const T* g = grad + targets[edge] * (size_t)(4 * features);
    const T* h = g + features;
    A da = 0, dd[3] = {0, 0, 0};
    for (unsigned f = head * c + lane; f < (head + 1) * c; f += WARP) {
        da += wide(g[f]) * wide(u[shape.in_u(f, 0)]) * filter.value(edge, f, 0).value;
        if (parts) {
            A b = wide(u[shape.in_u(f, 2)]) * filter.value(edge, f, 2).value;
            for (int x = 0; x < 3; x++) dd[x] += wide(h[x * features + f]) * b;
        }
    }
    da = warp_sum(da);
    Activation attention = silu_at(scores[job]);
    if (lane == 0) dscore[job] = da * wide(geo.phi[edge]) * attention.slope;
    if (parts) {
        for (int x = 0; x < 3; x++) dd[x] = warp_sum(dd[x]);
        if (lane == 0) {
            parts[4 * job] = da * attention.value;
            for (int x = 0; x < 3; x++) parts[4 * job + 1 + x] = dd[x];
        }
    }
}

// Sums the parts over heads into dphi [E] and dd [E, 3], which follow the basis' gradient in `dedges`.
KERNEL(et_edge_totals)(const A* parts, T* dedges, unsigned edges, unsigned heads, unsigned basis, unsigned first,
                       unsigned end) {
    size_t job = thread_number();
    if (job >= (size_t)(end - first) * 4) return;
    unsigned edge = job / 4, part = job % 4;
    A sum = 0;
    for (unsigned head = 0; head < heads; head++) sum += parts[(edge * (size_t)heads + head) * 4 + part];
    T* dphi = dedges + (size_t)edges * basis;
    T* dd = dphi + edges;
    put(part == 0 ? dphi[first + edge] : dd[3 * (size_t)(first + edge) + part - 1], sum);
}

// dq of the chunk's targets.
KERNEL(et_query_gradients)(const T* nodes, const T* filters, const T* bias, const unsigned* sources,
                           const unsigned* offsets, const A* dscore, T* dnodes, unsigned atoms, unsigned edges,
                           unsigned features, unsigned heads, unsigned basis, unsigned has_key, unsigned has_value,
                           unsigned first, unsigned first_target, unsigned end_target) {
    size_t job = thread_number();
    if (job >= (size_t)(end_target - first_target) * features) return;
    Shape shape = {atoms, edges, features, heads, basis, has_key, has_value};
    Nodes at(nodes, atoms, features);
    Filters filter = {filters, bias, shape, first};
    unsigned target = first_target + job / features, f = job % features, head = f / shape.channels();
    A sum = 0;
    for (unsigned edge = offsets[target]; edge < offsets[target + 1]; edge++) {
        A k = wide(at.k[sources[edge] * (size_t)features + f]);
        sum += dscore[(edge - first) * (size_t)heads + head] * k * filter.key(edge, f).value;
    }
    put(dnodes[target * (size_t)features + f], sum);
}

// Adds to dk, du and dv of sources first_source .. end_source what comes from the chunk's edges. `positions` lists the
// edges of each source in ascending order.
KERNEL(et_source_gradients)(const T* nodes, const T* geometry, const T* filters, const T* bias, const T* grad,
                            const unsigned* source_offsets, const unsigned* positions, const unsigned* targets,
                            const A* scores, const A* dscore, T* dnodes, unsigned atoms, unsigned edges,
                            unsigned features, unsigned heads, unsigned basis, unsigned has_key, unsigned has_value,
                            unsigned first, unsigned end, unsigned first_source, unsigned end_source) {
    size_t job = thread_number();
    if (job >= (size_t)(end_source - first_source) * features) return;
    Shape shape = {atoms, edges, features, heads, basis, has_key, has_value};
    Nodes at(nodes, atoms, features);
    Geometry geo(geometry, edges, basis);
    Filters filter = {filters, bias, shape, first};
    unsigned source = first_source + job / features, f = job % features, head = f / shape.channels();
    const T* v = at.v + source * (size_t)(3 * features) + f;
    const T* u = at.u + source * (size_t)(3 * features);
    A v_j[3] = {wide(v[0]), wide(v[features]), wide(v[2 * features])}, u_a = wide(u[shape.in_u(f, 1)]);
    A dk = 0, du[3] = {0, 0, 0}, dv[3] = {0, 0, 0};
    for (unsigned p = source_offsets[source]; p < source_offsets[source + 1]; p++) {
        unsigned edge = positions[p];
        if (edge < first || edge >= end) continue;
        size_t target = targets[edge], local = (edge - first) * (size_t)heads + head;
        const T* g = grad + target * (4 * features) + f;
        const T* h = g + features;
        const T* d = geo.d + 3 * (size_t)edge;
        dk += dscore[local] * wide(at.q[target * features + f]) * filter.key(edge, f).value;
        A attention = silu_at(scores[local]).value * wide(geo.phi[edge]);
        A a = filter.value(edge, f, 1).value, da = 0, db = 0;
        for (int x = 0; x < 3; x++) {
            A h_x = wide(h[x * features]);
            da += h_x * v_j[x];
            db += h_x * wide(d[x]);
            dv[x] += h_x * (u_a * a);
        }
        du[0] += attention * wide(*g) * filter.value(edge, f, 0).value;
        du[1] += da * a;
        du[2] += db * filter.value(edge, f, 2).value;
    }
    T* dk_j = dnodes + ((size_t)atoms + source) * features + f;
    T* du_j = dnodes + ((size_t)2 * atoms + 3 * (size_t)source) * features;
    T* dv_j = dnodes + ((size_t)5 * atoms + 3 * (size_t)source) * features + f;
    put(*dk_j, wide(*dk_j) + dk);
    for (int part = 0; part < 3; part++) {
        T* to = du_j + shape.in_u(f, part);
        put(*to, wide(*to) + du[part]);
        put(dv_j[part * features], wide(dv_j[part * features]) + dv[part]);
    }
}

// Replaces the filters of the chunk by the gradients of what their activation was applied to.
KERNEL(et_filter_gradients)(const T* nodes, const T* geometry, T* filters, const T* bias, const T* grad,
                            const unsigned* sources, const unsigned* targets, const A* scores, const A* dscore,
                            unsigned atoms, unsigned edges, unsigned features, unsigned heads, unsigned basis,
                            unsigned has_key, unsigned has_value, unsigned first, unsigned end) {
    size_t job = thread_number();
    if (job >= (size_t)(end - first) * features) return;
    Shape shape = {atoms, edges, features, heads, basis, has_key, has_value};
    Nodes at(nodes, atoms, features);
    Geometry geo(geometry, edges, basis);
    Filters filter = {filters, bias, shape, first};
    unsigned edge = first + job / features, f = job % features, head = f / shape.channels();
    size_t target = targets[edge], source = sources[edge], local = (edge - first) * (size_t)heads + head;
    T* row = filters + (edge - first) * (size_t)shape.columns();
    if (has_key) {
        A product = wide(at.q[target * features + f]) * wide(at.k[source * features + f]);
        put(row[f], dscore[local] * product * filter.key(edge, f).slope);
    }
    if (has_value) {
        const T* g = grad + target * (4 * features) + f;
        const T* h = g + features;
        const T* v = at.v + source * (3 * features) + f;
        A attention = silu_at(scores[local]).value * wide(geo.phi[edge]);
        A part[3] = {attention * wide(*g), 0, 0};
        for (int x = 0; x < 3; x++) {
            part[1] += wide(h[x * features]) * wide(v[x * features]);
            part[2] += wide(h[x * features]) * wide(geo.d[3 * (size_t)edge + x]);
        }
        for (int i = 0; i < 3; i++) {
            unsigned column = shape.in_u(f, i);
            A gradient = part[i] * wide(at.u[source * (3 * features) + column]) * filter.value(edge, f, i).slope;
            put(row[(has_key ? features : 0) + column], gradient);
        }
    }
}

// Adds x to the sums from `start` on.
KERNEL(accumulate)(const T* x, A* sum, u64 start, u64 count) {
    for (u64 i = thread_number(); i < count; i += thread_count()) sum[start + i] += wide(x[i]);
}

// y = sum, in the precision of tensors.
KERNEL(rounded)(const A* sum, T* y, u64 count) {
    for (u64 i = thread_number(); i < count; i += thread_count()) put(y[i], sum[i]);
}
