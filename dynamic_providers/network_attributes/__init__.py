"""A subnet without allocation pools, which the OpenStack plugin cannot declare: it leaves an empty list out."""
