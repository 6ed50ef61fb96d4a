"""What every engine needs of the earth: datums, geodesy, cells, sides. Values in, values out."""
