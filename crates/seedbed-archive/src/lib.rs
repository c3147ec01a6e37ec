//! Archive definitions and crawling: from listings to STAC items.
