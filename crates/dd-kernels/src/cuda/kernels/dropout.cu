// Dropout of entries of packed rows: y = x times 0 or 1 / (1 - rate). The mask is that of src/dropout.rs: it depends on
// the segment's name and the entry's place in the segment. It is its own gradient.
//
// Launch: any number of threads, each takes an entry at a time.
// Bound: memory; one read and one write.

KERNEL(dropout)(const T* x, const unsigned* offsets, const unsigned* row_segment, const u64* ids, T* y, u64 count,
                unsigned width, u64 key, unsigned threshold, double kept) {
    for (u64 i = thread_number(); i < count; i += thread_count()) {
        unsigned row = i / width, segment = row_segment[row];
        u64 stream = with(key, ids ? ids[segment] : segment);
        u64 position = (u64)(row - offsets[segment]) * width + i % width;
        put(y[i], drops(stream, position, threshold) ? A(0) : wide(x[i]) * A(kept));
    }
}
