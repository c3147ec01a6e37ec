//! A netCDF file's arrays and attributes, whoever reads them: GDAL from a local
//! file, or a reader of byte ranges.

use crate::DType;
use crate::ffi::{Array, Group};
use gdal::spatial_ref::SpatialRef;

/// The arrays of a file's root group.
pub trait Arrays {
    /// Their names, in the file's order.
    fn names(&self) -> Vec<String>;
    /// One of them.
    fn get(&self, name: &str) -> Option<Box<dyn Attributed + '_>>;
}

/// An array with its attributes.
pub trait Attributed {
    /// Names and sizes of the dimensions, the slowest first.
    fn dimensions(&self) -> Vec<(String, usize)>;
    /// The stored type, unless it isn't numeric.
    fn dtype(&self) -> Option<DType>;
    /// The stored value that means no data.
    fn nodata(&self) -> Option<f64>;
    /// The unit as written.
    fn units(&self) -> Option<String>;
    /// A text attribute.
    fn text(&self, name: &str) -> Option<String>;
    /// The numbers of an attribute; not empty.
    fn numbers(&self, name: &str) -> Option<Vec<f64>>;
    /// The type of a numeric attribute, where the format has such: JSON knows numbers with a point and without, of
    /// which the latter have none.
    fn attribute_type(&self, name: &str) -> Option<DType>;
    /// The system that the reader itself sees in the metadata.
    fn spatial_ref(&self) -> Option<SpatialRef>;
    /// All values of an array of one dimension, as stored.
    fn values(&self) -> Result<Vec<f64>, String>;
}

impl Arrays for Group<'_> {
    fn names(&self) -> Vec<String> {
        self.array_names()
    }

    fn get(&self, name: &str) -> Option<Box<dyn Attributed + '_>> {
        Some(Box::new(self.array(name)?))
    }
}

impl Attributed for Array<'_> {
    fn dimensions(&self) -> Vec<(String, usize)> {
        Array::dimensions(self)
    }

    fn dtype(&self) -> Option<DType> {
        crate::netcdf::dtype(self.stored_type())
    }

    fn nodata(&self) -> Option<f64> {
        Array::nodata(self)
    }

    fn units(&self) -> Option<String> {
        self.unit().or_else(|| self.text_attribute("units"))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.text_attribute(name)
    }

    fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        // GDAL's reader of Zarr doesn't leave these among the attributes.
        let taken = || match name {
            "scale_factor" => self.scale().map(|n| vec![n]),
            "add_offset" => self.offset().map(|n| vec![n]),
            _ => None,
        };
        self.number_attribute(name).or_else(taken)
    }

    fn attribute_type(&self, name: &str) -> Option<DType> {
        // 64-bit integers aren't floats, though their values are read as such.
        Array::attribute_type(self, name).filter(|t| !matches!(t, 12 | 13)).and_then(crate::netcdf::dtype)
    }

    fn spatial_ref(&self) -> Option<SpatialRef> {
        Array::spatial_ref(self)
    }

    fn values(&self) -> Result<Vec<f64>, String> {
        match Array::dimensions(self).as_slice() {
            [(_, size)] => self.read(&[0], &[*size]),
            dims => Err(format!("it has {} dimensions, not one", dims.len())),
        }
    }
}
