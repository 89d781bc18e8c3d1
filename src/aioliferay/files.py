"""Files, under their public names: what is uploaded, what a download tells, and the address of a user's portrait."""

from aioliferay._core.portraits import portrait_url
from aioliferay._core.values import UploadFile
from aioliferay._downloads import Download

__all__ = ["Download", "UploadFile", "portrait_url"]
