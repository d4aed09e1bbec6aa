"""Lists of a subnet that the OpenStack plugin cannot declare: its host routes as one list, and no allocation pools."""
