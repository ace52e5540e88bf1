// Messages of the equivariant transformer for one chunk of edges, given the filters before their activation:
//
//   score = sum over the head's channels of q_i k_j dk,   A = SiLU(score) phi,   (s, a, b) = u_j dv
//   m_i = sum over j of A s,   w_i = sum over j of (v_j a + d b)
//
// Launch: scores takes a warp per (edge, head); messages takes a thread per (target, feature), which walks over the
// target's edges in their order.
// Bound: the chunk's filters are read once from the second-level cache, where the matrix product has left them.

// score of each edge of the chunk and head, [edges, heads].
KERNEL(et_scores)(const T* nodes, const T* filters, const T* bias, const unsigned* sources, const unsigned* targets,
                  A* scores, unsigned atoms, unsigned edges, unsigned features, unsigned heads, unsigned basis,
                  unsigned has_key, unsigned has_value, unsigned first, unsigned end) {
    size_t job = thread_number() / WARP;
    if (job >= (size_t)(end - first) * heads) return; // the whole warp
    Shape shape = {atoms, edges, features, heads, basis, has_key, has_value};
    Nodes at(nodes, atoms, features);
    Filters filter = {filters, bias, shape, first};
    unsigned edge = first + job / heads, head = job % heads, c = shape.channels();
    const T* q = at.q + targets[edge] * (size_t)features;
    const T* k = at.k + sources[edge] * (size_t)features;
    A score = 0;
    for (unsigned f = head * c + threadIdx.x % WARP; f < (head + 1) * c; f += WARP) {
        score += wide(q[f]) * wide(k[f]) * filter.key(edge, f).value;
    }
    score = warp_sum(score);
    if (threadIdx.x % WARP == 0) scores[job] = score;
}

// arrived = [atoms, 4, F], m and then w; for the targets of the chunk.
KERNEL(et_messages)(const T* nodes, const T* geometry, const T* filters, const T* bias, const unsigned* sources,
                    const unsigned* offsets, const A* scores, T* arrived, unsigned atoms, unsigned edges,
                    unsigned features, unsigned heads, unsigned basis, unsigned has_key, unsigned has_value,
                    unsigned first, unsigned first_target, unsigned end_target) {
    size_t job = thread_number();
    if (job >= (size_t)(end_target - first_target) * features) return;
    Shape shape = {atoms, edges, features, heads, basis, has_key, has_value};
    Nodes at(nodes, atoms, features);
    Geometry geo(geometry, edges, basis);
    Filters filter = {filters, bias, shape, first};
    unsigned target = first_target + job / features, f = job % features, head = f / shape.channels();
    A m = 0, w[3] = {0, 0, 0};
    for (unsigned edge = offsets[target]; edge < offsets[target + 1]; edge++) {
        const T* u = at.u + sources[edge] * (size_t)(3 * features);
        const T* v = at.v + sources[edge] * (size_t)(3 * features) + f;
        const T* d = geo.d + 3 * (size_t)edge;
        A attention = silu_at(scores[(edge - first) * (size_t)heads + head]).value * wide(geo.phi[edge]);
        A s = wide(u[shape.in_u(f, 0)]) * filter.value(edge, f, 0).value;
        A a = wide(u[shape.in_u(f, 1)]) * filter.value(edge, f, 1).value;
        A b = wide(u[shape.in_u(f, 2)]) * filter.value(edge, f, 2).value;
        m += attention * s;
        for (int x = 0; x < 3; x++) w[x] += wide(v[x * features]) * a + wide(d[x]) * b;
    }
    T* to = arrived + target * (size_t)(4 * features) + f;
    put(to[0], m);
    for (int x = 0; x < 3; x++) put(to[(x + 1) * features], w[x]);
}
