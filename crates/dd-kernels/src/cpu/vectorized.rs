//! Functions compiled twice: for the baseline processor, and for one with wide vectors and fused multiply-add.

/// Defines a function, generic over a [`Real`](crate::real::Real) number type or not generic, whose loops use AVX2 and FMA
/// on x86 processors that have them, which is asked at run time. Other architectures have what is needed in their baseline.
///
/// What the body calls takes part only when it is inlined: such functions are `#[inline(always)]`, and closures small.
/// Without FMA instructions `mul_add` is a library call, so an inner loop outside of this macro must not use it.
macro_rules! vectorized {
    (
        $(#[$meta:meta])*
        $visibility:vis fn $name:ident $(<$T:ident: Real>)?($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block
    ) => {
        $(#[$meta])*
        $visibility fn $name $(<$T: Real>)?($($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn body $(<$T: Real>)?($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn with_avx2 $(<$T: Real>)?($($argument: $type),*) $(-> $result)? {
                    body($($argument),*)
                }
                if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
                    // SAFETY: the processor was just found to have both features that the function is compiled for.
                    #[allow(unsafe_code)]
                    return unsafe { with_avx2($($argument),*) };
                }
            }
            body($($argument),*)
        }
    };
}
pub(crate) use vectorized;
