//! The few calls of GDAL's C interface that the `gdal` crate doesn't offer, or
//! offers with the wrong defaults. All unsafe code of this crate is here.

use gdal::Dataset;
use gdal::raster::RasterBand;
use gdal::spatial_ref::{CoordTransform, SpatialRef};
use gdal::vector::{Layer, LayerAccess};
use gdal_sys as sys;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;

/// Keeps PROJ from fetching grids: results must not depend on the network.
pub fn disable_proj_network() {
    // SAFETY: takes a plain integer and may be called at any time.
    unsafe { sys::OSRSetPROJEnableNetwork(0) };
}

/// Keeps libhdf5 from writing its error stack to stderr on this thread: it does
/// so on every thread that didn't load it, also for attributes that merely
/// aren't there. GDAL reports what matters.
#[cfg(target_os = "linux")]
pub fn silence_hdf5() {
    type SetAuto = unsafe extern "C" fn(i64, *const std::ffi::c_void, *const std::ffi::c_void) -> c_int;
    unsafe extern "C" {
        fn dlsym(handle: *mut std::ffi::c_void, symbol: *const c_char) -> *mut std::ffi::c_void;
    }
    // SAFETY: a null handle is RTLD_DEFAULT on Linux, the name is NUL-terminated.
    // H5Eset_auto2(hid_t, H5E_auto2_t, void *) has had this signature since
    // HDF5 1.8; 0 is H5E_DEFAULT, and null switches printing off.
    unsafe {
        let found = dlsym(ptr::null_mut(), c"H5Eset_auto2".as_ptr());
        if !found.is_null() {
            let set_auto: SetAuto = std::mem::transmute(found);
            set_auto(0, ptr::null(), ptr::null());
        }
    }
}

/// Elsewhere the messages stay.
#[cfg(not(target_os = "linux"))]
pub fn silence_hdf5() {}

/// GDAL's last message on this thread.
pub fn last_message() -> String {
    // SAFETY: returns a pointer to a thread-local, NUL-terminated buffer, copied at once.
    unsafe { text(sys::CPLGetLastErrorMsg()) }.unwrap_or_default()
}

/// Says the unit of a band that is being written.
pub fn set_unit(band: &RasterBand<'_>, unit: &str) {
    let Ok(unit) = CString::new(unit) else { return };
    // SAFETY: the band is alive, and GDAL copies the string.
    unsafe { sys::GDALSetRasterUnitType(band.c_rasterband(), unit.as_ptr()) };
}

/// Sets a domain of a layer's metadata to one text, as the domains of XML are.
///
/// # Errors
/// GDAL's reason.
pub fn set_layer_xml(layer: &Layer<'_>, domain: &str, xml: &str) -> Result<(), String> {
    let strings = CString::new(domain).and_then(|d| Ok((d, CString::new(xml)?)));
    let (domain, xml) = strings.map_err(|e| e.to_string())?;
    let mut list = [xml.as_ptr().cast_mut(), ptr::null_mut()];
    // SAFETY: the layer is alive; the list ends with a null and is copied.
    let result = unsafe { sys::GDALSetMetadata(layer.c_layer().cast(), list.as_mut_ptr(), domain.as_ptr()) };
    if result == sys::CPLErr::CE_None { Ok(()) } else { Err(last_message()) }
}

/// Forgets this thread's last message.
pub fn clear_message() {
    // SAFETY: no arguments, thread-local effect.
    unsafe { sys::CPLErrorReset() };
}

/// Copies a C string; `None` for a null pointer.
///
/// # Safety
/// `pointer` is null or points to a NUL-terminated string that outlives the call.
unsafe fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: not null, and NUL-terminated by the caller's promise.
    Some(unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

/// A null-terminated list of `KEY=VALUE` options that lives as long as this value.
struct Options {
    _texts: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl Options {
    fn new(items: &[&str]) -> Self {
        let texts: Vec<CString> = items.iter().filter_map(|s| CString::new(*s).ok()).collect();
        let pointers = texts.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect();
        Self { _texts: texts, pointers }
    }

    fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

/// GDAL's `CPLCompressor`, of which the crate has no declaration.
#[repr(C)]
struct Compressor {
    version: c_int,
    id: *const c_char,
    kind: c_int,
    metadata: *const *const c_char,
    function: Option<
        unsafe extern "C" fn(
            input: *const c_void,
            input_size: usize,
            output: *mut *mut c_void,
            output_size: *mut usize,
            options: *const *const c_char,
            user_data: *mut c_void,
        ) -> bool,
    >,
    user_data: *mut c_void,
}

unsafe extern "C" {
    fn CPLGetDecompressor(id: *const c_char) -> *const Compressor;
}

/// At most `most` bytes by one of GDAL's decompressors, which are those of its Zarr driver.
///
/// # Errors
/// GDAL's reason, or that it has none of that name.
pub fn decompress(name: &CStr, stored: &[u8], most: usize) -> Result<Vec<u8>, String> {
    clear_message();
    let mut out = vec![0_u8; most];
    let (mut place, mut length) = (out.as_mut_ptr().cast::<c_void>(), out.len());
    // SAFETY: the registered decompressors live as long as the process, and take any bytes.
    // `place` and `length` say where how many bytes may be written; a decompressor that is
    // given a place writes there and sets the length.
    let done = unsafe {
        let function =
            CPLGetDecompressor(name.as_ptr()).as_ref().and_then(|d| Some((d.function?, d.user_data)));
        let Some((function, user_data)) = function else {
            return Err(format!("GDAL here was built without {}", name.to_string_lossy()));
        };
        let (from, size) = (stored.as_ptr().cast(), stored.len());
        function(from, size, &raw mut place, &raw mut length, ptr::null(), user_data)
    };
    if !done || length > out.len() {
        let said = last_message();
        return Err(if said.is_empty() { "it can't be undone".to_owned() } else { said });
    }
    out.truncate(length);
    Ok(out)
}

/// Puts a system on the datum of another; whether that could be done.
pub fn take_datum(srs: &SpatialRef, base: &SpatialRef) -> bool {
    // SAFETY: both handles are alive, and the first is changed by no other thread.
    unsafe { sys::OSRCopyGeogCSFrom(srs.to_c_hsrs(), base.to_c_hsrs()) == sys::OGRErr::OGRERR_NONE }
}

/// WKT2:2019 on one line.
pub fn wkt2(srs: &SpatialRef) -> Option<String> {
    let options = Options::new(&["FORMAT=WKT2_2019", "MULTILINE=NO"]);
    let mut out: *mut c_char = ptr::null_mut();
    // SAFETY: the handle is alive through `srs`, the option list through
    // `options`; `out` receives a string that VSIFree releases, also on failure.
    unsafe {
        let status = sys::OSRExportToWktEx(srs.to_c_hsrs(), &raw mut out, options.as_ptr());
        let result = text(out);
        sys::VSIFree(out.cast());
        (status == sys::OGRErr::OGRERR_NONE).then_some(result).flatten()
    }
}

/// Whether PROJ holds two systems for equivalent, axis order of latitude and
/// longitude aside.
pub fn is_same(a: &SpatialRef, b: &SpatialRef) -> bool {
    let options = Options::new(&[
        "CRITERION=EQUIVALENT_EXCEPT_AXIS_ORDER_GEOGCRS",
        "IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES",
    ]);
    // SAFETY: both handles and the option list are alive for the call.
    unsafe { sys::OSRIsSameEx(a.to_c_hsrs(), b.to_c_hsrs(), options.as_ptr()) == 1 }
}

/// The systems of PROJ's database that resemble `srs`, with PROJ's confidence in percent.
pub fn matches(srs: &SpatialRef) -> Vec<(SpatialRef, i32)> {
    let mut count: c_int = 0;
    let mut confidences: *mut c_int = ptr::null_mut();
    // SAFETY: the handle is alive. On success the function returns an array of
    // `count` handles and one of `count` integers, which we copy (from_c_obj
    // clones) before releasing both with the functions GDAL names for them.
    unsafe {
        let found =
            sys::OSRFindMatches(srs.to_c_hsrs(), ptr::null_mut(), &raw mut count, &raw mut confidences);
        if found.is_null() {
            return Vec::new();
        }
        let n = usize::try_from(count).unwrap_or(0);
        let result = (0..n)
            .filter_map(|i| {
                let confidence = if confidences.is_null() { 0 } else { *confidences.add(i) };
                Some((SpatialRef::from_c_obj(*found.add(i)).ok()?, confidence))
            })
            .collect();
        sys::OSRFreeSRSArray(found);
        sys::VSIFree(confidences.cast());
        result
    }
}

/// A coordinate transformation that may move between threads.
pub struct PointTransform(CoordTransform);

// SAFETY: GDAL allows a transformation to be used by any thread as long as no
// two use it at once, since PROJ's context is assigned anew at every call.
// `PointTransform` is not Sync and hands out no reference to its inner value.
unsafe impl Send for PointTransform {}

impl PointTransform {
    pub fn new(from: &SpatialRef, to: &SpatialRef) -> Result<Self, gdal::errors::GdalError> {
        Ok(Self(CoordTransform::new(from, to)?))
    }

    /// Transforms one point: GDAL chooses between several datum shifts by the
    /// mean of the points it is given, so that only a point alone has a result
    /// that doesn't depend on its company.
    pub fn point(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let (mut px, mut py) = (x, y);
        // SAFETY: both pointers are to one f64 each, as the count of 1 says; z may be null.
        let ok =
            unsafe { sys::OCTTransform(self.0.to_c_hct(), 1, &raw mut px, &raw mut py, ptr::null_mut()) };
        (ok == 1 && px.is_finite() && py.is_finite()).then_some((px, py))
    }
}

/// The root group of a dataset opened in multidimensional mode.
pub struct Group<'a> {
    handle: sys::GDALGroupH,
    _dataset: &'a Dataset,
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        // SAFETY: we own the handle and release it once.
        unsafe { sys::GDALGroupRelease(self.handle) };
    }
}

impl<'a> Group<'a> {
    pub fn root(dataset: &'a Dataset) -> Option<Self> {
        // SAFETY: the dataset is alive; a null result means it isn't multidimensional.
        let handle = unsafe { sys::GDALDatasetGetRootGroup(dataset.c_dataset()) };
        (!handle.is_null()).then_some(Self { handle, _dataset: dataset })
    }

    pub fn array_names(&self) -> Vec<String> {
        // SAFETY: the group is alive; the list is null-terminated and ours to destroy.
        unsafe {
            let list = sys::GDALGroupGetMDArrayNames(self.handle, ptr::null_mut());
            let mut names = Vec::new();
            if !list.is_null() {
                let mut i = 0;
                while let Some(name) = text(*list.add(i)) {
                    names.push(name);
                    i += 1;
                }
            }
            sys::CSLDestroy(list);
            names
        }
    }

    pub fn array(&self, name: &str) -> Option<Array<'_>> {
        let name = CString::new(name).ok()?;
        // SAFETY: the group and the string are alive for the call.
        let handle = unsafe { sys::GDALGroupOpenMDArray(self.handle, name.as_ptr(), ptr::null_mut()) };
        (!handle.is_null()).then_some(Array { handle, _group: self })
    }
}

/// A multidimensional array of a group.
pub struct Array<'a> {
    handle: sys::GDALMDArrayH,
    _group: &'a Group<'a>,
}

impl Drop for Array<'_> {
    fn drop(&mut self) {
        // SAFETY: we own the handle and release it once.
        unsafe { sys::GDALMDArrayRelease(self.handle) };
    }
}

impl Array<'_> {
    /// Names and sizes of the dimensions.
    pub fn dimensions(&self) -> Vec<(String, usize)> {
        let mut count: usize = 0;
        // SAFETY: the array is alive; GDAL returns `count` dimension handles
        // that GDALReleaseDimensions releases together with their list.
        unsafe {
            let list = sys::GDALMDArrayGetDimensions(self.handle, &raw mut count);
            if list.is_null() {
                return Vec::new();
            }
            let dimensions = (0..count)
                .map(|i| {
                    let dimension = *list.add(i);
                    let name = text(sys::GDALDimensionGetName(dimension)).unwrap_or_default();
                    let size = usize::try_from(sys::GDALDimensionGetSize(dimension)).unwrap_or(0);
                    (name, size)
                })
                .collect();
            sys::GDALReleaseDimensions(list, count);
            dimensions
        }
    }

    /// GDAL's number for the stored type.
    pub fn stored_type(&self) -> u32 {
        // SAFETY: the array is alive; the type handle is ours to release.
        unsafe {
            let data_type = sys::GDALMDArrayGetDataType(self.handle);
            let number = sys::GDALExtendedDataTypeGetNumericDataType(data_type);
            sys::GDALExtendedDataTypeRelease(data_type);
            number
        }
    }

    pub fn nodata(&self) -> Option<f64> {
        let mut has: c_int = 0;
        // SAFETY: the array is alive and `has` a valid place for the flag.
        let value = unsafe { sys::GDALMDArrayGetNoDataValueAsDouble(self.handle, &raw mut has) };
        (has != 0).then_some(value)
    }

    /// The factor from stored to physical values, where GDAL has taken it from the attributes.
    pub fn scale(&self) -> Option<f64> {
        let mut has: c_int = 0;
        // SAFETY: the array is alive and `has` a valid place for the flag.
        let value = unsafe { sys::GDALMDArrayGetScale(self.handle, &raw mut has) };
        (has != 0).then_some(value)
    }

    /// What is added after scaling, likewise.
    pub fn offset(&self) -> Option<f64> {
        let mut has: c_int = 0;
        // SAFETY: the array is alive and `has` a valid place for the flag.
        let value = unsafe { sys::GDALMDArrayGetOffset(self.handle, &raw mut has) };
        (has != 0).then_some(value)
    }

    pub fn unit(&self) -> Option<String> {
        // SAFETY: the string belongs to the array and is copied at once.
        unsafe { text(sys::GDALMDArrayGetUnit(self.handle)) }.filter(|u| !u.is_empty())
    }

    /// The system GDAL reads from the array's metadata.
    pub fn spatial_ref(&self) -> Option<SpatialRef> {
        // SAFETY: a non-null handle is ours to destroy after from_c_obj has cloned it.
        unsafe {
            let handle = sys::GDALMDArrayGetSpatialRef(self.handle);
            if handle.is_null() {
                return None;
            }
            let srs = SpatialRef::from_c_obj(handle).ok();
            sys::OSRDestroySpatialReference(handle);
            srs
        }
    }

    fn attribute<R>(&self, name: &str, read: impl FnOnce(sys::GDALAttributeH) -> R) -> Option<R> {
        let name = CString::new(name).ok()?;
        // SAFETY: the array and string are alive; the attribute is released after `read`.
        unsafe {
            let handle = sys::GDALMDArrayGetAttribute(self.handle, name.as_ptr());
            if handle.is_null() {
                return None;
            }
            let value = read(handle);
            sys::GDALAttributeRelease(handle);
            Some(value)
        }
    }

    pub fn text_attribute(&self, name: &str) -> Option<String> {
        // SAFETY: the string belongs to the attribute and is copied before its release.
        self.attribute(name, |handle| unsafe { text(sys::GDALAttributeReadAsString(handle)) })?
    }

    pub fn number_attribute(&self, name: &str) -> Option<Vec<f64>> {
        self.attribute(name, |handle| {
            let mut count: usize = 0;
            // SAFETY: GDAL returns null or `count` doubles that VSIFree releases.
            unsafe {
                let list = sys::GDALAttributeReadAsDoubleArray(handle, &raw mut count);
                let numbers =
                    if list.is_null() { Vec::new() } else { (0..count).map(|i| *list.add(i)).collect() };
                sys::VSIFree(list.cast());
                numbers
            }
        })
        .filter(|numbers: &Vec<f64>| !numbers.is_empty())
    }

    /// GDAL's number for an attribute's type; 0 of text.
    pub fn attribute_type(&self, name: &str) -> Option<u32> {
        // SAFETY: the attribute is alive; the type handle is ours to release.
        self.attribute(name, |handle| unsafe {
            let data_type = sys::GDALAttributeGetDataType(handle);
            let number = sys::GDALExtendedDataTypeGetNumericDataType(data_type);
            sys::GDALExtendedDataTypeRelease(data_type);
            number
        })
    }

    /// Reads a hyperslab in one call, the last dimension varying fastest.
    pub fn read<T: gdal::raster::GdalType + Copy + Default>(
        &self,
        start: &[u64],
        count: &[usize],
    ) -> Result<Vec<T>, String> {
        if start.len() != count.len() || start.len() != self.dimensions().len() {
            return Err(format!("{} dimensions were asked for", start.len()));
        }
        let mut values = vec![T::default(); count.iter().product()];
        clear_message();
        // SAFETY: `start` and `count` have an entry a dimension, checked above;
        // steps and strides default to a compact array, which `values` holds in full.
        let ok = unsafe {
            let data_type = sys::GDALExtendedDataTypeCreate(T::gdal_ordinal());
            let ok = sys::GDALMDArrayRead(
                self.handle,
                start.as_ptr(),
                count.as_ptr(),
                ptr::null(),
                ptr::null(),
                data_type,
                values.as_mut_ptr().cast(),
                values.as_ptr().cast(),
                std::mem::size_of_val(values.as_slice()),
            );
            sys::GDALExtendedDataTypeRelease(data_type);
            ok
        };
        if ok == 0 {
            let said = last_message();
            return Err(if said.is_empty() { "GDAL gives no reason".to_owned() } else { said });
        }
        Ok(values)
    }
}
